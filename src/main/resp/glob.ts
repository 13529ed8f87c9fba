/** What stands in a pattern: a star, or what one character must be. */
type Element = '*' | ((char: string) => boolean)

/** Longer patterns match nothing: names here are short. */
const PATTERN_LENGTH_MAX = 256

/**
 * Whether a pattern of Redis matches all of a text: `*`, `?`, `[abc]`, `[^a-z]`, and `\` before a character that is meant
 * as itself. In time proportional to the product of their lengths, whatever the pattern: a mismatch goes back to the
 * last star only.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  if (pattern.length > PATTERN_LENGTH_MAX) return false
  const elements = elementsOf(pattern)
  let at = 0
  let elementAt = 0
  let starAt = -1
  let starText = 0
  while (at < text.length) {
    const element = elements[elementAt]
    if (element === '*') {
      starAt = elementAt++
      starText = at
    } else if (element?.(text[at]!)) {
      elementAt++
      at++
    } else if (starAt >= 0) {
      elementAt = starAt + 1
      at = ++starText
    } else return false
  }
  while (elements[elementAt] === '*') elementAt++
  return elementAt === elements.length
}

function elementsOf(pattern: string): Element[] {
  // A class that does not end goes on to the end of the pattern.
  return (pattern.match(/\[(?:\\.|[^\]])*\]?|\\.|./gs) ?? []).map((part) => {
    if (part === '*') return '*'
    if (part === '?') return () => true
    if (part.startsWith('[')) return classOf(part.slice(1).replace(/(?<!\\)\]$/, ''))
    const wanted = part.at(-1)
    return (char) => char === wanted
  })
}

function classOf(text: string): (char: string) => boolean {
  const isNegated = text.startsWith('^')
  const ranges = [...text.slice(isNegated ? 1 : 0).matchAll(/(\\.|.)(?:-(\\.|.))?/gs)].map(
    ([, from, to = from]) => [from!.at(-1)!, to!.at(-1)!].sort() as [string, string],
  )
  return (char) => ranges.some(([from, to]) => char >= from && char <= to) !== isNegated
}
