import { ServiceOrder } from './service-order.js'

/** How long the frames of one read are worked at before others have their turn. */
const SLICE_MS = 0.25
/** So many questions are answered by one look at the clock. */
const QUESTIONS_PER_LOOK = 8

/** How long a turn of the event loop is spent on what was just read, and then on what waits. */
const TURN_MS = 1
/** Reads before a turn is timed: to time one costs a visit of the event loop. */
const READS_UNTIMED = 4

/** What the slices need from outside. */
export interface SliceContext {
  /** Elapsed time, in fractions of a millisecond. */
  nowMs(): number
  /** Runs a function at the end of this turn of the event loop, after what has come in by then. */
  nextTurn(run: () => void): void
}

/** Whose slices they are. */
export interface Sharer {
  /** It had so much of the thread's time. */
  use(elapsedMs: number, nowMs: number): void
  /** The less it had lately, the lower: see {@link ServiceOrder}. */
  level(nowMs: number): number
}

/**
 * Shares a thread between connections.
 *
 *     a turn     reads of connections, a slice each, for a millisecond      those that wait, for a millisecond
 *                ├─ a ─┼ b ┼─ c ─┼─ d ─┤ e, f, g: not worked at ──────────► ├ f ┼─ g ─┼─ a ─┤ e waits on
 *
 * One that sends more than can be done in a slice of time, or sends it when the turn is used up, is not read from any more;
 * its rest is done slice by slice, in turns, and of those that wait the one goes first that has had the least
 * (time-share.ts). So whoever sends little waits for a turn at most, not for what others have sent, and not for how many
 * they are. (The idea is that of multilevel feedback queues: Corbató, Merwin Daggett and Daley, "An experimental time-sharing
 * system", 1962.)
 */
export class TimeSlices {
  private readonly context: SliceContext
  private readonly waiting = new ServiceOrder()
  private planned = false
  private serving = false
  private endsAtMs = 0
  private questions = 0
  /** Since the last end of a turn. */
  private reads = 0
  /** Since when this turn is timed; −1 when it is not. */
  private timedSinceMs = -1
  /** Whose slice it is, in a turn that is timed, and since when. */
  private sharer: Sharer | undefined
  private beganAtMs = 0

  constructor(context: SliceContext) {
    this.context = context
  }

  nowMs(): number {
    return this.context.nowMs()
  }

  /** Begins a slice: of no length when the turn is used up. */
  begin(sharer: Sharer): void {
    const nowMs = this.context.nowMs()
    this.account(nowMs)
    const isUsedUp = !this.serving && this.isUsedUp(nowMs)
    this.endsAtMs = isUsedUp ? nowMs : nowMs + SLICE_MS
    this.questions = isUsedUp ? QUESTIONS_PER_LOOK - 1 : 0
    if (this.serving || this.timedSinceMs >= 0) this.sharer = sharer
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

  /** Something was done that costs more than frames do: the next question is answered by a look at the clock. */
  lookSoon(): void {
    this.questions = QUESTIONS_PER_LOOK - 1
  }

  /** Goes on later, before those who have had more. */
  later(run: () => void, sharer: Sharer): void {
    this.waiting.add(run, sharer.level(this.nowMs()))
    this.plan()
  }

  /** Charges the time since the last slice began to whose it was. */
  private account(nowMs: number): void {
    this.sharer?.use(nowMs - this.beganAtMs, nowMs)
    this.sharer = undefined
    this.beganAtMs = nowMs
  }

  private isUsedUp(nowMs: number): boolean {
    if (this.timedSinceMs >= 0) return nowMs - this.timedSinceMs >= TURN_MS
    // Where somebody waits the event loop comes by anyway.
    if (!this.planned && ++this.reads < READS_UNTIMED) return false
    this.timedSinceMs = nowMs
    this.plan()
    return false
  }

  private plan(): void {
    if (this.planned) return
    this.planned = true
    this.context.nextTurn(this.endTurn)
  }

  private readonly endTurn = (): void => {
    const startedAtMs = this.context.nowMs()
    this.account(startedAtMs)
    this.planned = false
    this.reads = 0
    this.timedSinceMs = -1
    this.serving = true
    try {
      while (!this.waiting.isEmpty) {
        this.waiting.take()()
        const nowMs = this.context.nowMs()
        this.account(nowMs)
        if (nowMs - startedAtMs >= TURN_MS) break
      }
    } finally {
      this.serving = false
      if (!this.waiting.isEmpty) this.plan()
    }
  }
}
