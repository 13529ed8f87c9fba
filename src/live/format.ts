/** Numbers for people, short and of even width; `–` for what is not known. */
const UNKNOWN = '–'

/** 7, 7.25, 1 234, 45.6 k, 1.23 M. */
export function formatCount(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return UNKNOWN
  if (value >= 1e9) return `${threeDigits(value / 1e9)} G`
  if (value >= 1e6) return `${threeDigits(value / 1e6)} M`
  if (value >= 1e4) return `${threeDigits(value / 1e3)} k`
  if (value >= 100 || Number.isInteger(value))
    return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ')
  return threeDigits(value)
}

/** 512 B, 1.50 KiB, 64.0 MiB. */
export function formatBytes(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return UNKNOWN
  let rest = value
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (rest < 1024 || unit === 'GiB') return `${unit === 'B' ? Math.round(rest) : threeDigits(rest)} ${unit}`
    rest /= 1024
  }
  return UNKNOWN
}

/** 0…1 as 98.7 %. */
export function formatShare(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return UNKNOWN
  return `${(value * 100).toFixed(1)} %`
}

/** 0.12 ms, 12.3 ms, 4.56 s, 3 min, 2 h, 5 d. */
export function formatMs(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return UNKNOWN
  if (value === 0) return '0 ms'
  if (value < 1) return `${threeDigits(value * 1000)} µs`
  if (value < 1000) return `${threeDigits(value)} ms`
  if (value < 60_000) return `${threeDigits(value / 1000)} s`
  if (value < 3_600_000) return `${Math.floor(value / 60_000)} min ${Math.floor((value % 60_000) / 1000)} s`
  if (value < 86_400_000)
    return `${Math.floor(value / 3_600_000)} h ${Math.floor((value % 3_600_000) / 60_000)} min`
  return `${Math.floor(value / 86_400_000)} d ${Math.floor((value % 86_400_000) / 3_600_000)} h`
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A key as text; in hexadecimal when it is none, or holds what cannot be shown. */
export function formatKey(key: Uint8Array): string {
  try {
    const text = utf8.decode(key)
    if (!/\p{C}/u.test(text)) return text
  } catch {
    // Not UTF-8.
  }
  return `0x${Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
