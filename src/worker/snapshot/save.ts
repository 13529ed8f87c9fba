import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../shared/clock.js'
import type { SnapshotResult } from '../../shared/operation.js'
import type { Resident } from '../resident.js'
import type { StoreWriter } from '../store-writer.js'
import { SnapshotWriter } from './writer.js'

/** Slots put in order between two turns of the event loop. */
const STEP_COUNT_MAX = 8192

export interface SaveOptions {
  readonly group: string
  readonly file: string
  /** After this long, what was not written is left out. */
  readonly timeoutMs: number
}

/**
 * Writes the entries of a store that will not be used any more, those that the policy would give up last at the start,
 * so that they are in the file when time runs out.
 *
 * @param clock that of the store
 * @param wallClockMs ms since 1970
 */
export async function saveSnapshot(
  store: StoreWriter,
  { group, file, timeoutMs }: SaveOptions,
  clock: Clock,
  wallClockMs: () => number = Date.now,
): Promise<SnapshotResult> {
  const endsMs = performance.now() + timeoutMs
  const slots = await slotsInOrder(store)
  const startedMs = clock.nowMs()
  const writer = await SnapshotWriter.create(file, { group, savedAtMs: wallClockMs() })
  try {
    let left = slots.length
    while (left > 0 && performance.now() < endsMs) {
      const resident = store.resident(slots[left - 1]!)
      const entry = resident && resident.ttlLeftMs > 0 ? resident : undefined
      if (entry && writer.isFull(entry)) await writer.flush()
      else {
        if (entry) writer.add(asOf(entry, clock.nowMs() - startedMs))
        left--
      }
    }
    await writer.finish()
    return { entryCount: writer.entryCount, isComplete: left === 0 }
  } catch (thrown) {
    await writer.abandon()
    throw thrown
  }
}

/** An entry as it was when the snapshot began, `agoMs` ago: all times in a file are as of one moment. */
function asOf(entry: Resident, agoMs: number): Resident {
  const { ttlLeftMs, ageMs } = entry
  if (ageMs === undefined || agoMs === 0) return entry
  return { ...entry, ttlLeftMs: ttlLeftMs + agoMs, ageMs: ageMs - agoMs }
}

/** All slots, the one that the policy would give up first at the start. */
async function slotsInOrder(store: StoreWriter): Promise<Int32Array> {
  const slots = new Int32Array(store.count)
  for (let count = 0; count < slots.length; count++) {
    const slot = store.take()
    if (slot < 0) return slots.subarray(0, count)
    slots[count] = slot
    if (count % STEP_COUNT_MAX === 0) await nextTurn()
  }
  return slots
}
