/**
 * The columns of {@link REFERENCE_RATIOS}, and how far, in points, ours may be from each: 0 is the equal hit count.
 * S3-FIFO forgets ghosts by epochs. W-TinyLFU depends on the hash, so that it is tried with several.
 */
export const REFERENCE_COLUMNS = {
  fifo: 0,
  lru: 0,
  'lfu without ageing': 0,
  clock: 0,
  '2q': 0,
  sieve: 0,
  s3fifo: 0.5,
  'w-tinylfu, fixed window': 1,
  'w-tinylfu, shrinking first': 1,
  clairvoyant: 0,
} as const

export type ReferenceColumn = keyof typeof REFERENCE_COLUMNS

/** Columns that depend on the hash. */
export const HASHED_COLUMNS: readonly string[] = ['w-tinylfu, fixed window', 'w-tinylfu, shrinking first']

/**
 * Rows that are farther off, and by how much: the climber takes some twenty steps there, each turns on tenths of a point,
 * and what follows depends on it. Let it begin to count with the first eviction instead, and six hashes give 45.35 to
 * 49.24 and 79.38 to 80.55. With the window fixed, both rows are within 1.
 */
export const CHAOTIC_ROWS: readonly [
  trace: string,
  capacity: number,
  column: ReferenceColumn,
  points: number,
][] = [
  ['lirs-sprite', 200, 'w-tinylfu, shrinking first', 1.6],
  ['lirs-sprite', 600, 'w-tinylfu, shrinking first', 1.2],
]

/** The trace that is made of two others: a change of workload that only an adaptive policy survives. */
export const MIX = 'mix'

/**
 * Hit ratios in percent that another simulator found for published traces, from cold, every entry costing 1: trace,
 * entries of the cache, and a figure for each of {@link REFERENCE_COLUMNS}. Its counts for LRU, FIFO, CLOCK, LFU, S3-FIFO
 * and Belady are those of libCacheSim, its W-TinyLFU follows Caffeine (window 1 %, sample 10 × entries).
 */
export const REFERENCE_RATIOS: readonly [trace: string, capacity: number, percents: readonly number[]][] = [
  ['lirs-loop', 256, [0, 0, 0, 0, 0, 0, 0, 24.18, 24.08, 25.22]],
  ['lirs-loop', 512, [0, 0, 0, 0, 0, 0, 0, 49.94, 49.76, 50.54]],
  ['lirs-loop', 768, [0, 0, 0, 0, 60.88, 0, 60.54, 74.87, 70.66, 75.81]],
  ['lirs-2pools', 100, [19.38, 21.95, 46.87, 23.87, 38.25, 47.9, 44.57, 49.25, 48.75, 50.64]],
  ['lirs-2pools', 250, [33.58, 41.71, 50.62, 45.19, 50.52, 50.62, 50.62, 50.63, 50.62, 57.91]],
  ['lirs-2pools', 450, [41.52, 50.27, 51.6, 51.21, 51.47, 51.6, 51.65, 51.7, 51.68, 62.04]],
  ['lirs-multi3', 400, [20.11, 27.38, 29.31, 28.42, 35.23, 29.31, 35.37, 42.33, 42.24, 47.23]],
  ['lirs-multi3', 1200, [35.31, 41.21, 45.1, 42.23, 44.86, 45.1, 45.48, 53.27, 52.96, 58.93]],
  ['lirs-multi3', 2400, [40.84, 45.48, 46.86, 46.28, 56.24, 46.86, 58.43, 63.62, 63.45, 71.43]],
  ['lirs-glimpse', 500, [0.95, 0.95, 1.38, 1.18, 1.18, 1.38, 16.13, 33.18, 33.18, 34.26]],
  ['lirs-glimpse', 1000, [11.14, 11.21, 31.34, 11.31, 30.77, 31.34, 35.05, 50.81, 50.81, 53.13]],
  ['lirs-glimpse', 1500, [27.61, 36.56, 51.85, 36.53, 36.08, 51.85, 47.73, 53.57, 53.57, 57.96]],
  ['lirs-sprite', 200, [40.2, 39.88, 8.96, 40.81, 45.73, 42.42, 46.71, 48.84, 46.58, 68.86]],
  ['lirs-sprite', 600, [78.5, 83.19, 31.13, 83.17, 82.67, 77.78, 83.31, 77.88, 81.16, 89.95]],
  ['lirs-sprite', 1000, [87.24, 90.64, 61.24, 90.3, 89.63, 86.97, 89.36, 83.57, 86.13, 93.24]],
  ['arc-oltp', 1000, [28.53, 32.83, 13.83, 33.27, 40.53, 32.56, 40.84, 35.44, 40.02, 53.61]],
  ['arc-oltp', 5000, [49.68, 53.65, 28, 53.83, 55.73, 51.89, 55.88, 52.48, 55.27, 68.27]],
  ['arc-oltp', 15000, [61.42, 64.63, 41.36, 64.77, 65.72, 65.1, 66.04, 62.37, 61.75, 75.14]],
  ['arc-p3', 4096, [1.09, 1.1, 1.83, 1.11, 1.42, 1.83, 1.98, 2.07, 1.97, 7.02]],
  ['arc-p3', 32768, [4.53, 4.2, 9.41, 4.32, 10.9, 9.41, 15.58, 19.67, 19.6, 33.93]],
  ['arc-p3', 131072, [41.77, 47.94, 54.28, 50.59, 50.43, 54.28, 53.66, 47.27, 47.26, 65.66]],
  ['cphy-io', 500, [15.27, 16.22, 15.12, 16.32, 16.96, 17.12, 16.97, 16.69, 16.27, 20.81]],
  ['cphy-io', 5000, [19.58, 19.62, 21.14, 19.68, 22.83, 21.14, 25.02, 21.1, 20.34, 37.38]],
  ['cphy-io', 20000, [36.57, 36.72, 43.42, 36.64, 36.68, 43.42, 38.16, 46.65, 46.65, 54.47]],
  ['scarab-recs', 25000, [56.65, 60.13, 50.81, 60.41, 61.92, 60.56, 62.49, 59.95, 59.62, 74.79]],
  ['scarab-recs', 50000, [65.67, 69.15, 60.92, 69.37, 69.01, 68.43, 69.76, 66.12, 64.77, 78.63]],
  ['scarab-recs', 100000, [73.14, 75.91, 73.95, 75.94, 74.26, 74.8, 75.63, 72.24, 71.52, 79.25]],
  ['corda', 512, [33.33, 33.33, 0.38, 33.33, 33.33, 0.38, 33.33, 0.97, 30.59, 33.33]],
  ['corda', 1024, [33.33, 33.33, 0.75, 33.33, 33.33, 0.75, 33.33, 1.43, 28.85, 33.33]],
  ['corda', 5000, [33.33, 33.33, 3.68, 33.33, 33.33, 3.68, 33.33, 33.28, 21.96, 33.33]],
  ['web12', 300, [46.1, 49.01, 31.43, 49.77, 52.57, 51.84, 53.38, 49.07, 51.62, 66.83]],
  ['web12', 1200, [62.96, 66.85, 57.82, 67.61, 70.04, 70.18, 70.89, 69.37, 68.71, 79.12]],
  ['web12', 3000, [72.99, 76.48, 74.68, 76.83, 77.31, 78.18, 78.62, 77.05, 75.83, 84.24]],
  ['mix', 256, [3.23, 3.23, 0.03, 3.23, 3.23, 0.03, 3.23, 22.48, 25.18, 26.03]],
  ['mix', 512, [3.23, 3.23, 0.05, 3.23, 3.23, 0.05, 3.23, 45.13, 48.05, 48.91]],
  ['mix', 1024, [93.5, 93.5, 0.11, 93.48, 93.5, 0.11, 93.5, 90.11, 93.14, 93.5]],
]
