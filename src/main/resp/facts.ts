import type { CommandHandler } from './command.js'
import type { Reply } from './compose.js'
import { answered, answerLater, beginReads, findNow } from './reads.js'
import type { Session } from './session.js'

/** What is known of a value that is there. */
export interface Facts {
  readonly lengthBytes: number
  readonly ttlLeftMs: number
}

/** A command about one key, answered from what is known of its value; undefined when the source has no such key. */
export function ofOne(write: (reply: Reply, facts: Facts | undefined) => void): CommandHandler {
  return ([, name], session, reply) => withFacts([name!], session, reply, (to, [facts]) => write(to, facts))
}

/** Tells `write` the facts of all keys, at once if they are in memory, else later. */
export function withFacts(
  names: readonly Buffer[],
  session: Session,
  reply: Reply,
  write: (reply: Reply, all: readonly (Facts | undefined)[]) => void,
): void {
  const reads = beginReads(session, names)
  const known: Facts[] = []
  for (const read of reads) {
    const lengthBytes = findNow(read, session)
    if (lengthBytes < 0) break
    known.push({ lengthBytes, ttlLeftMs: read.located.group.foundTtlLeftMs() })
  }
  const answerKnown = () => {
    known.forEach(({ ttlLeftMs }, index) => {
      answered(session, reads[index]!, ttlLeftMs)
    })
  }
  if (known.length === reads.length) {
    write(reply, known)
    answerKnown()
    return
  }
  answerLater(session, reads.slice(known.length), (late, found) => {
    const rest = found.map(
      (answer) => answer && { lengthBytes: answer.value.length, ttlLeftMs: answer.ttlLeftMs },
    )
    write(late, [...known, ...rest])
    answerKnown()
  })
}
