/** Calls `tick` every `everyMs` until what it returns is called; keeps no process alive. */
export function everyInterval(everyMs: number, tick: () => void): () => void {
  const timer = setInterval(tick, everyMs).unref()
  return () => clearInterval(timer)
}
