import { connect } from '../client/index.js'
import { Dashboard } from './dashboard.js'
import { element } from './elements.js'
import { currentTheme, onThemeChange, toggleTheme } from './theme.js'

const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
const page = new Dashboard((onState) => connect(`${scheme}://${location.host}/v1/ws`, { onState }))

const button = element<HTMLButtonElement>('theme')
function showTheme(): void {
  button.textContent = currentTheme() === 'dark' ? 'Light' : 'Dark'
  button.setAttribute('aria-label', `Switch to ${button.textContent.toLowerCase()} colours`)
  page.redraw()
}
button.addEventListener('click', () => {
  toggleTheme()
  showTheme()
})
onThemeChange(showTheme)
showTheme()
