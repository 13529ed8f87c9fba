/** A process of its own that only registers: `member-process.js SELF ETCD_HOST`. It leaves when its stdin ends. */
import { EtcdRegistry } from '../../src/main/cluster/etcd-registry.js'

const [self, host] = process.argv.slice(2)
const silent = () => undefined
const registry = new EtcdRegistry({
  self: self!,
  service: 'geek-cache',
  hosts: [host!],
  log: { debug: silent, info: silent, warn: silent, error: silent },
})
await registry.start(() => undefined)
process.stdout.write('registered\n')
process.stdin.resume().once('end', () => registry.close())
