const CUT_OFF_MAX = 256
const GAPS_MAX = 32

/**
 * What is remembered of streams that are gone, so as to tell a late frame from a wrong one: streams that we cut off while
 * the peer was sending, and ids that the peer skipped. Both bounded; the oldest are forgotten.
 */
export class ClosedStreams {
  private readonly cutOff = new Set<number>()
  /** First and last id of each gap in turn. */
  private readonly gaps: number[] = []

  /** We ended or reset a stream that the peer had not ended: its frames may still be on their way. */
  addCutOff(streamId: number): void {
    if (this.cutOff.size >= CUT_OFF_MAX) {
      for (const oldest of this.cutOff) {
        this.cutOff.delete(oldest)
        break
      }
    }
    this.cutOff.add(streamId)
  }

  wasCutOff(streamId: number): boolean {
    return this.cutOff.has(streamId)
  }

  /** The peer opened `opened` after `highest`: what lies between can never be used any more. */
  noteOpened(highest: number, opened: number): void {
    if (opened <= highest + 2) return
    if (this.gaps.length >= 2 * GAPS_MAX) this.gaps.splice(0, 2)
    this.gaps.push(highest + 1, opened - 1)
  }

  wasSkipped(streamId: number): boolean {
    for (let index = 0; index < this.gaps.length; index += 2) {
      if (streamId >= this.gaps[index]! && streamId <= this.gaps[index + 1]!) return true
    }
    return false
  }
}
