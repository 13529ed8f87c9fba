/** A wait that can be cut short: `ring` ends the wait under way, or the next one when there is none. */
export class Alarm {
  #rung = false
  #endWait: (() => void) | undefined

  /** Resolves after that time, or as soon as the alarm rings. One wait at a time. */
  async wait(delayMs: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delayMs)
        const endWait = (): void => {
          clearTimeout(timer)
          resolve()
        }
        this.#endWait = endWait
      })
    }
    this.#rung = false
    this.#endWait = undefined
  }

  ring(): void {
    this.#rung = true
    this.#endWait?.()
  }
}
