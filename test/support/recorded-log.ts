import type { Log } from '../../src/main/node-options.js'

/** A log that keeps its lines. */
export class RecordedLog implements Log {
  readonly lines: string[] = []

  debug(): void {}

  info(_fields: object, message: string): void {
    this.lines.push(`info: ${message}`)
  }

  warn(_fields: object, message: string): void {
    this.lines.push(`warn: ${message}`)
  }

  error(fields: object, message: string): void {
    this.lines.push(`error: ${message} ${JSON.stringify(fields)}`)
  }

  has(text: string): boolean {
    return this.lines.some((line) => line.includes(text))
  }
}
