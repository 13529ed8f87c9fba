/**
 * Whether a pattern with `*` and `?` matches all of a text. In time proportional to the product of their lengths, whatever
 * the pattern: a mismatch goes back to the last star only.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0
  let patternAt = 0
  let starAt = -1
  let starText = 0
  while (at < text.length) {
    const char = pattern[patternAt]
    if (char === '*') {
      starAt = patternAt++
      starText = at
    } else if (char === '?' || char === text[at]) {
      patternAt++
      at++
    } else if (starAt >= 0) {
      patternAt = starAt + 1
      at = ++starText
    } else return false
  }
  while (pattern[patternAt] === '*') patternAt++
  return patternAt === pattern.length
}
