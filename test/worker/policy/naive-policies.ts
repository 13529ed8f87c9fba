/**
 * The policies once more, written for the eye: Maps and arrays, keys instead of slots, whole entries instead of bytes,
 * and the missed key known before room is made for it, as the papers tell it. Index 0 of every array is the oldest.
 */
export interface NaivePolicy {
  /** One request; returns whether it was a hit, and the key that it drove out. */
  request(key: number): { hit: boolean; evicted: number | undefined }
}

export const NAIVE_POLICIES: Record<string, (capacity: number) => NaivePolicy> = {
  fifo: (capacity) => naiveQueue(capacity, () => {}),
  lru: (capacity) => naiveQueue(capacity, (queue, key) => queue.push(...queue.splice(queue.indexOf(key), 1))),
  lfu: naiveLfu,
  clock: naiveClock,
  '2q': naiveTwoQueue,
  sieve: naiveSieve,
  s3fifo: naiveS3Fifo,
}

function naiveQueue(capacity: number, onHit: (queue: number[], key: number) => void): NaivePolicy {
  const queue: number[] = []
  return {
    request(key) {
      if (queue.includes(key)) {
        onHit(queue, key)
        return { hit: true, evicted: undefined }
      }
      const evicted = queue.length === capacity ? queue.shift() : undefined
      queue.push(key)
      return { hit: false, evicted }
    },
  }
}

function naiveLfu(capacity: number): NaivePolicy {
  const entries = new Map<number, { count: number; raisedAt: number }>()
  let now = 0
  return {
    request(key) {
      now++
      const entry = entries.get(key)
      if (entry !== undefined) {
        entry.count++
        entry.raisedAt = now
        return { hit: true, evicted: undefined }
      }
      let evicted: number | undefined
      if (entries.size === capacity) {
        const order = [...entries].sort(([, a], [, b]) => a.count - b.count || a.raisedAt - b.raisedAt)
        evicted = order[0]![0]
        entries.delete(evicted)
      }
      entries.set(key, { count: 1, raisedAt: now })
      return { hit: false, evicted }
    },
  }
}

function naiveClock(capacity: number): NaivePolicy {
  // The classic form: a ring of frames, and a hand.
  const frames: { key: number; referenced: boolean }[] = []
  let hand = 0
  return {
    request(key) {
      const frame = frames.find((held) => held.key === key)
      if (frame !== undefined) {
        frame.referenced = true
        return { hit: true, evicted: undefined }
      }
      if (frames.length < capacity) {
        frames.push({ key, referenced: false })
        return { hit: false, evicted: undefined }
      }
      while (frames[hand]!.referenced) {
        frames[hand]!.referenced = false
        hand = (hand + 1) % capacity
      }
      const evicted = frames[hand]!.key
      frames[hand] = { key, referenced: false }
      hand = (hand + 1) % capacity
      return { hit: false, evicted }
    },
  }
}

function naiveTwoQueue(capacity: number): NaivePolicy {
  const fresh: number[] = []
  const main: number[] = []
  const ghosts: number[] = []
  return {
    request(key) {
      if (main.includes(key)) {
        main.push(...main.splice(main.indexOf(key), 1))
        return { hit: true, evicted: undefined }
      }
      if (fresh.includes(key)) return { hit: true, evicted: undefined }
      const wasGhost = ghosts.includes(key)
      if (wasGhost) ghosts.splice(ghosts.indexOf(key), 1)
      let evicted: number | undefined
      if (fresh.length + main.length === capacity) {
        if (fresh.length > 0.25 * capacity || main.length === 0) {
          evicted = fresh.shift()!
          ghosts.push(evicted)
          if (ghosts.length > 0.5 * capacity) ghosts.shift()
        } else {
          evicted = main.shift()
        }
      }
      if (wasGhost) main.push(key)
      else fresh.push(key)
      return { hit: false, evicted }
    },
  }
}

function naiveSieve(capacity: number): NaivePolicy {
  const queue: { key: number; visited: boolean }[] = []
  let hand = 0
  return {
    request(key) {
      const entry = queue.find((held) => held.key === key)
      if (entry !== undefined) {
        entry.visited = true
        return { hit: true, evicted: undefined }
      }
      let evicted: number | undefined
      if (queue.length === capacity) {
        hand %= capacity
        while (queue[hand]!.visited) {
          queue[hand]!.visited = false
          hand = (hand + 1) % capacity
        }
        evicted = queue.splice(hand, 1)[0]!.key
        // What was newer has moved up under the hand; past the newest, the next round starts at the oldest.
        if (hand === queue.length) hand = 0
      }
      queue.push({ key, visited: false })
      return { hit: false, evicted }
    },
  }
}

function naiveS3Fifo(capacity: number): NaivePolicy {
  interface Entry {
    key: number
    hits: number
  }
  const small: Entry[] = []
  const main: Entry[] = []
  const ghosts = naiveGhosts(0.9 * capacity)
  const smallMax = Math.floor(capacity / 10)
  const evictOne = (): number => {
    for (;;) {
      if (main.length > capacity - smallMax || small.length === 0) {
        const oldest = main.shift()!
        if (oldest.hits === 0) return oldest.key
        main.push({ key: oldest.key, hits: oldest.hits - 1 })
        continue
      }
      // Once begun, the small queue is looked through until it gives one up, or is empty.
      for (let oldest = small.shift(); oldest !== undefined; oldest = small.shift()) {
        if (oldest.hits < 2) {
          ghosts.add(oldest.key)
          return oldest.key
        }
        main.push({ key: oldest.key, hits: 0 })
      }
    }
  }
  return {
    request(key) {
      const entry = [...small, ...main].find((held) => held.key === key)
      if (entry !== undefined) {
        entry.hits = Math.min(3, entry.hits + 1)
        return { hit: true, evicted: undefined }
      }
      const wasGhost = ghosts.take(key)
      const evicted = small.length + main.length === capacity ? evictOne() : undefined
      const queue = wasGhost ? main : small
      queue.push({ key, hits: 0 })
      return { hit: false, evicted }
    },
  }
}

/** The keys that went last, and none after which 255 others have gone, however many of those came back. */
function naiveGhosts(countMax: number) {
  const ghosts: { key: number; number: number }[] = []
  let number = 0
  return {
    add(key: number): void {
      ghosts.push({ key, number: number++ })
      while (ghosts.length > countMax || (ghosts.length > 0 && ghosts[0]!.number < number - 256))
        ghosts.shift()
    },
    take(key: number): boolean {
      const at = ghosts.findIndex((ghost) => ghost.key === key)
      if (at >= 0) ghosts.splice(at, 1)
      return at >= 0
    },
  }
}
