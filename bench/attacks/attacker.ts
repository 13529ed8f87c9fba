/**
 * One who attacks: `attacker.js NAME KEYS`, KEYS as JSON. A line HOST:PORT has it begin there, a line `rest` has it let
 * go of all its connections. It answers each by an AttackReport of what it did since the line before, as JSON.
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
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
/** Who was held up attacks no harder afterwards, but for so long. */
const ARREARS_MS = 10
/** What the server does not take is not sent to it. */
const UNSENT_BYTES_MAX = 1 << 20

const [name = '', keysJson = ''] = process.argv.slice(2)
const attack = attacksOn(JSON.parse(keysJson) as AttackedKeys).find((one) => one.name === name)
if (attack === undefined) throw new Error(`there is no attack ${name}`)
const {
  connections,
  opening,
  unitsPerSecond,
  unitsMax = Number.POSITIVE_INFINITY,
  isFresh = false,
  isDeaf = false,
} = attack

/** One connection of the attacker. */
class Line {
  unitCount = 0
  isOver = false
  readonly #socket: Socket
  #streamId = 1
  #out: Buffer[] = [opening]

  constructor(target: string) {
    const [host = '', port = ''] = target.split(':')
    this.#socket = connect({ host, port: Number(port), noDelay: true })
    if (!isDeaf) this.#socket.resume()
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      if (!this.isOver) attacker.endedCount++
      this.isOver = true
    })
  }

  get isFull(): boolean {
    return this.unitCount >= unitsMax || this.#socket.writableLength > UNSENT_BYTES_MAX
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
    if (bytes.length > 0) this.#socket.write(bytes)
  }

  end(): void {
    this.isOver = true
    this.#socket.destroy()
  }
}

/** All connections of the attack. */
class Attacker {
  endedCount = 0
  #target = ''
  #lines: Line[] = []
  #unitCount = 0
  #dueCount = 0
  #turn = 0
  #startedMs = performance.now()
  #lastMs = 0
  #pacer: NodeJS.Timeout | undefined

  begin(target: string): void {
    this.#target = target
    this.#startedMs = performance.now()
    this.#lastMs = this.#startedMs
    this.#pacer = setInterval(() => this.#goOn(), 1)
  }

  rest(): AttackReport {
    clearInterval(this.#pacer)
    for (const line of this.#lines) line.end()
    const seconds = (performance.now() - this.#startedMs) / 1000
    const report = { unitCount: this.#unitCount, endedCount: this.endedCount, seconds }
    this.#lines = []
    this.#unitCount = 0
    this.#dueCount = 0
    this.endedCount = 0
    return report
  }

  /** What is due since the last time. */
  #goOn(): void {
    const nowMs = performance.now()
    const perMs = unitsPerSecond / 1000
    this.#dueCount = Math.min(this.#dueCount + (nowMs - this.#lastMs) * perMs, ARREARS_MS * perMs)
    this.#lastMs = nowMs
    this.#lines = this.#lines.filter(({ isOver }) => !isOver)
    for (let count = 0; count < CONNECTS_PER_MS && this.#lines.length < connections && !isFresh; count++) {
      this.#lines.push(new Line(this.#target))
    }
    for (; this.#dueCount >= 1; this.#dueCount--) {
      const line = isFresh ? this.#freshLine() : this.#nextLine()
      if (line === undefined) break
      line.attack()
      this.#unitCount++
    }
    for (const line of this.#lines) line.flush()
  }

  /** In place of the oldest when there are enough. */
  #freshLine(): Line {
    if (this.#lines.length >= connections) this.#lines.shift()!.end()
    const line = new Line(this.#target)
    this.#lines.push(line)
    return line
  }

  #nextLine(): Line | undefined {
    for (let count = 0; count < this.#lines.length; count++) {
      this.#turn = (this.#turn + 1) % this.#lines.length
      const line = this.#lines[this.#turn]!
      if (!line.isFull) return line
    }
    return undefined
  }
}

const attacker = new Attacker()
const say = (answer: unknown) => process.stdout.write(`${JSON.stringify(answer)}\n`)
say('ready')
for await (const command of createInterface({ input: process.stdin })) {
  const report = attacker.rest()
  if (command !== 'rest') attacker.begin(command)
  say(report)
}
