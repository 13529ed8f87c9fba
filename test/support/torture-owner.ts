import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../src/shared/clock.js'
import { hashBytes } from '../../src/shared/hash.js'
import { isPolicyName, POLICY_NAMES } from '../../src/shared/policy-names.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { POLICIES } from '../../src/worker/policy/policies.js'
import { StoreWriter } from '../../src/worker/store-writer.js'
import { Prng } from './prng.js'
import { type TakenOver, TORTURE_HASH_SEED, type TortureSpec } from './torture-spec.js'
import { tortureKey, tortureValue } from './torture-value.js'

/** The owner of a tortured store: writes without a pause for messages until it is told to stop, or terminated. */
function own(spec: TortureSpec): void {
  const { keyCount, valueBytesMax, policy } = spec
  const control = new Int32Array(spec.control)
  const random = new Prng(spec.seed)
  const store = new StoreWriter(spec.memory, {
    epochs: new Epochs(spec.epochs),
    accessLog: new AccessLog(spec.accessLog),
    threadCount: () => spec.threadCount,
    seed: TORTURE_HASH_SEED,
    clock: systemClock,
    policy: isPolicyName(policy) ? POLICIES[policy] : POLICIES.lru,
    events: { onEvict() {}, onExpire() {}, onHit() {} },
  })
  store.check()
  parentPort?.postMessage({ count: store.count } satisfies TakenOver)
  while (Atomics.load(control, 0) === 0) {
    const key = random.below(keyCount)
    const bytes = tortureKey(key)
    const hash = hashBytes(bytes, 0, bytes.length, TORTURE_HASH_SEED)
    const dice = random.below(1000)
    if (dice < 900) {
      const value = tortureValue(key, 1 + Atomics.add(control, 1 + key, 1), valueBytesMax)
      const ttlMs = random.below(3) === 0 ? 1 + random.below(50) : Number.POSITIVE_INFINITY
      store.put({ key: bytes, hash, value, notFound: false, ttlMs })
    } else if (dice < 950) store.remove(bytes, hash)
    else if (dice < 990) store.maintain(1 + random.below(100))
    else if (dice < 991) store.setPolicy(POLICIES[POLICY_NAMES[random.below(POLICY_NAMES.length)]!])
    else if (dice < 995) store.sweep(1 + random.below(50), 20, () => random.below(2) === 0)
    else if (dice < 999) Atomics.wait(control, 0, 0, 1)
    else if (random.below(20) === 0) store.clear()
  }
  store.check()
}

own(workerData as TortureSpec)
