/** How long the frames of one read are worked at before others have their turn. */
const SLICE_MS = 0.25
/** So many questions are answered by one look at the clock. */
const QUESTIONS_PER_LOOK = 8

/** What the slices need from outside. */
export interface SliceContext {
  /** Elapsed time, in fractions of a millisecond. */
  nowMs(): number
  /** Runs a function in the next turn of the event loop, after what has come in by then. */
  nextTurn(run: () => void): void
}

/**
 * Shares a thread between connections. One that sends more than can be done in a slice of time is not read from any more,
 * and its rest is done slice by slice, one a turn of the event loop for all such connections together: whoever sends
 * little waits for a slice, not for what others have sent.
 */
export class TimeSlices {
  private readonly context: SliceContext
  private waiting: (() => void)[] = []
  private planned = false
  private endsAtMs = 0
  private questions = 0

  constructor(context: SliceContext) {
    this.context = context
  }

  begin(): void {
    this.endsAtMs = this.context.nowMs() + SLICE_MS
    this.questions = 0
  }

  /** To be asked between frames: true when it is time to stop. */
  spent(): boolean {
    if (++this.questions % QUESTIONS_PER_LOOK !== 0) return false
    return this.over()
  }

  /** The same between pieces of work that cost more than a look at the clock. */
  over(): boolean {
    return this.context.nowMs() >= this.endsAtMs
  }

  /** Goes on later, in its turn. */
  later(run: () => void): void {
    this.waiting.push(run)
    this.plan()
  }

  private plan(): void {
    if (this.planned || this.waiting.length === 0) return
    this.planned = true
    this.context.nextTurn(() => {
      this.planned = false
      this.waiting.shift()?.()
      this.plan()
    })
  }
}
