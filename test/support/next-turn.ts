/** Resolves in the next turn of the event loop: messages and finished work of others come in before. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
