import { setTimeout as delay } from 'node:timers/promises'

const PAUSE_MS = 5

/** Resolves once the condition holds; for what other threads and processes do without an event for us. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const endsMs = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > endsMs) throw new Error(`Not within ${timeoutMs} ms: ${what}`)
    await delay(PAUSE_MS)
  }
}
