// Format, lint and tidy rules; the types were checked by the build that ran before.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const steps = [
  ['Format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']],
  ['Tidy rules', ['--test', '--test-reporter=dot', 'dist/test/tidy.test.js']],
]

for (const [what, args] of steps) {
  process.stdout.write(`${what}\n`)
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    process.stdout.write(`${what}: failed. "npm run format" mends what can be mended by itself.\n`)
    process.exit(1)
  }
}
