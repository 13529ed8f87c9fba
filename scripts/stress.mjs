// npm run stress -- --minutes N --seed S. Of memory that dead threads gave back, glibc keeps what lay in arenas of their own:
// hundreds of threads die here, and with one arena for all, a process that grows is one that leaks.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const stress = fileURLToPath(new URL('../dist/test/stress/stress.js', import.meta.url))
const { status } = spawnSync(process.execPath, ['--expose-gc', stress, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, MALLOC_ARENA_MAX: '1' },
})
process.exit(status ?? 1)
