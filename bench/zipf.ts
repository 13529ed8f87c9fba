/**
 * Keys 0 … keyCount − 1 by Zipf's law: the key of rank r is asked for in proportion to 1 / r ** exponent, 0 most often.
 *
 * @param random numbers in [0, 1)
 */
export function zipf(keyCount: number, random: () => number, exponent = 1): () => number {
  const cumulative = new Float64Array(keyCount)
  let total = 0
  for (let rank = 1; rank <= keyCount; rank++) {
    total += 1 / rank ** exponent
    cumulative[rank - 1] = total
  }
  return () => {
    const target = random() * total
    let low = 0
    let high = keyCount - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulative[middle]! > target) high = middle
      else low = middle + 1
    }
    return low
  }
}
