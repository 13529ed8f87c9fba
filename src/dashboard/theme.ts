/** Light or dark: what was chosen on this page, else what the system prefers. */
const KEPT = 'geek-cache-theme'
const system = matchMedia('(prefers-color-scheme: dark)')

export function currentTheme(): 'light' | 'dark' {
  const kept = localStorage.getItem(KEPT)
  if (kept === 'light' || kept === 'dark') return kept
  return system.matches ? 'dark' : 'light'
}

/** Calls `changed` after each change, the choice of the system included. */
export function onThemeChange(changed: () => void): void {
  system.addEventListener('change', () => {
    showTheme()
    changed()
  })
}

export function toggleTheme(): void {
  localStorage.setItem(KEPT, currentTheme() === 'dark' ? 'light' : 'dark')
  showTheme()
}

function showTheme(): void {
  document.documentElement.dataset.theme = currentTheme()
}

// Before the page is drawn, so that it is not drawn twice.
showTheme()
