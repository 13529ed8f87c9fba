import { readFacts, type SourceFacts } from './source-facts.js'

/** Facts of files that exist only here: path → content. */
export function madeUp(files: Readonly<Record<string, string>>): SourceFacts[] {
  return readFacts(new Map(Object.entries(files)))
}
