/** Milliseconds per unit of a grpc-timeout (gRPC over HTTP/2, "Requests"). */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}
const UNIT_MS_BY_CODE = new Float64Array(128)
for (const [unit, ms] of Object.entries(UNIT_MS)) UNIT_MS_BY_CODE[unit.charCodeAt(0)] = ms

/** Digits that a timeout may have, and the unit behind them. */
export const TIMEOUT_BYTES_MAX = 9
/** The longest time that Node's timers keep. */
export const TIMER_MS_MAX = 0x7fff_ffff

/**
 * The timeout that bytes[start, end) spell.
 *
 * @returns milliseconds, with fractions; NaN when malformed
 */
export function parseTimeoutBytes(bytes: Uint8Array, start: number, end: number): number {
  const digits = end - start - 1
  if (digits < 1 || digits >= TIMEOUT_BYTES_MAX) return Number.NaN
  let amount = 0
  for (let index = start; index < end - 1; index++) {
    const digit = bytes[index]! - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    amount = amount * 10 + digit
  }
  const unitMs = UNIT_MS_BY_CODE[bytes[end - 1]!] ?? 0
  return unitMs === 0 ? Number.NaN : amount * unitMs
}

/** The same of a header's text. */
export function parseTimeout(text: string): number {
  const digits = text.length - 1
  if (digits < 1 || digits >= TIMEOUT_BYTES_MAX) return Number.NaN
  let amount = 0
  for (let index = 0; index < digits; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    amount = amount * 10 + digit
  }
  const unitMs = UNIT_MS_BY_CODE[text.charCodeAt(digits)] ?? 0
  return unitMs === 0 ? Number.NaN : amount * unitMs
}

/** The text for so many milliseconds, rounded up to a value of at most eight digits. */
export function formatTimeout(timeoutMs: number): string {
  if (timeoutMs <= 0) return '0n'
  for (const unit of ['u', 'm', 'S', 'M', 'H']) {
    const amount = Math.ceil(timeoutMs / UNIT_MS[unit]!)
    if (amount < 1e8) return `${amount}${unit}`
  }
  return '99999999H'
}
