import {
  ageMs,
  type EntryViews,
  isNotFound,
  isRenewable,
  isTimed,
  keyAt,
  keyLengthAt,
  timeLeftMs,
  valueAt,
  valueLengthAt,
} from '../shared/store/entry.js'

/** An entry where it lies: views that are good until the store changes. */
export interface Resident {
  readonly key: Uint8Array
  /** Empty when the source has no such key. */
  readonly value: Uint8Array
  readonly notFound: boolean
  readonly renewable: boolean
  /** 0 or less when it is stale; Infinity when it has no time to live. */
  readonly ttlLeftMs: number
  /** Time since it came from its source; only entries that expire know it. */
  readonly ageMs?: number
}

export function residentAt(views: EntryViews, place: number, nowMs: number): Resident {
  const [key, value] = [keyAt(views, place), valueAt(views, place)]
  return {
    key: views.bytes.subarray(key, key + keyLengthAt(views, place)),
    value: views.bytes.subarray(value, value + valueLengthAt(views, place)),
    notFound: isNotFound(views, place),
    renewable: isRenewable(views, place),
    ...(isTimed(views, place)
      ? { ttlLeftMs: timeLeftMs(views, place, nowMs), ageMs: ageMs(views, place, nowMs) }
      : { ttlLeftMs: Number.POSITIVE_INFINITY }),
  }
}
