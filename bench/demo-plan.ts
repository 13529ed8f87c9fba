import { parseArgs } from 'node:util'
import { Ring } from '../src/shared/ring.js'
import { freePorts } from './server-process.js'

/** The keys that are asked for, and their values in examples/scores.json. */
export const VALUES = { Tom: '630', Tom1: '631', Tom2: '632' } as const
export type Key = keyof typeof VALUES
export const KEYS = Object.keys(VALUES) as Key[]

/** What the demonstration shows. */
export interface DemoPlan {
  /** HOST:PORT of the three nodes. */
  readonly addresses: readonly string[]
  readonly owners: Readonly<Record<Key, string>>
  /** Who owns Tom once the owner of Tom has gone. */
  readonly successor: string
}

const USUAL_PORTS = [8001, 8002, 8003]
const [FIRST, SECOND, THIRD] = USUAL_PORTS.map(addressOf) as [string, string, string]

/** By CRC-32 and 150 virtual nodes each; not asked of the code that is shown. */
const USUAL: DemoPlan = {
  addresses: [FIRST, SECOND, THIRD],
  owners: { Tom: SECOND, Tom1: THIRD, Tom2: THIRD },
  successor: FIRST,
}

/**
 * The plan for ports 8001 to 8003, or for those of `--ports A,B,C`, or `--ports free`.
 *
 * @throws Error for other options
 */
export async function demoPlan(args: readonly string[]): Promise<DemoPlan> {
  const { ports } = parseArgs({ args: [...args], options: { ports: { type: 'string' } } }).values
  if (ports === undefined) return USUAL
  const chosen = ports === 'free' ? await freePorts(3) : ports.split(',').map(Number)
  const isFit = (port: number) => Number.isInteger(port) && port > 0 && port < 65_536
  if (new Set(chosen.filter(isFit)).size !== 3 || chosen.length !== 3) {
    throw new Error(`--ports is ${ports}, not three different ports or "free"`)
  }
  return planOf(chosen.map(addressOf))
}

/** With addresses that nobody has looked at before. */
function planOf(addresses: readonly string[]): DemoPlan {
  const ring = new Ring(addresses)
  const ownerIn = (of: Ring, key: Key) => of.owner(Buffer.from(key))!
  const owners = Object.fromEntries(KEYS.map((key) => [key, ownerIn(ring, key)])) as Record<Key, string>
  const others = addresses.filter((address) => address !== owners.Tom)
  return { addresses, owners, successor: ownerIn(new Ring(others), 'Tom') }
}

function addressOf(port: number): string {
  return `127.0.0.1:${port}`
}
