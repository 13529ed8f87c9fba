import { CacheError } from '../shared/errors.js'
import {
  GRPC_THREAD_COUNT_MAX,
  HTTP_THREAD_COUNT_MAX,
  KEY_BYTES_MAX,
  VALUE_BYTES_MAX,
  WORKER_COUNT_MAX,
} from '../shared/limits.js'
import { parseAddress } from './cluster/address.js'
import type { NodeOptions } from './node-options.js'

/** @throws CacheError INVALID_ARGUMENT: what is wrong with an option, before anything is started */
export function checkNodeOptions({
  self,
  etcd,
  peers,
  workers = 1,
  grpcEngine,
  grpcThreads = 1,
  http,
  httpThreads = 1,
  resp,
  respPassword,
  respDeadlineMs = 1,
  admin,
  keyBytesMax = 1,
  valueBytesMax = 0,
}: NodeOptions): void {
  const fail = (message: string): never => {
    throw new CacheError('INVALID_ARGUMENT', message)
  }
  for (const address of [self, http, resp, admin, ...(peers ?? []), ...(etcd?.hosts ?? [])]) {
    if (address !== undefined) parseAddress(address)
  }
  if (etcd && peers) fail('Membership comes from etcd or from peers, not from both')
  if (etcd && etcd.hosts.length === 0) fail('etcd.hosts is empty')
  if (!Number.isInteger(workers) || workers < 1 || workers > WORKER_COUNT_MAX) {
    fail(`workers is ${workers}, not a whole number from 1 to ${WORKER_COUNT_MAX}`)
  }
  if (!Number.isInteger(grpcThreads) || grpcThreads < 1 || grpcThreads > GRPC_THREAD_COUNT_MAX) {
    fail(`grpcThreads is ${grpcThreads}, not a whole number from 1 to ${GRPC_THREAD_COUNT_MAX}`)
  }
  if (!Number.isInteger(httpThreads) || httpThreads < 1 || httpThreads > HTTP_THREAD_COUNT_MAX) {
    fail(`httpThreads is ${httpThreads}, not a whole number from 1 to ${HTTP_THREAD_COUNT_MAX}`)
  }
  if (respPassword === '') fail('respPassword is empty')
  if (!(respDeadlineMs > 0)) fail(`respDeadlineMs is ${respDeadlineMs}, not a time above 0`)
  if (grpcThreads > 1 && grpcEngine === 'grpc-js') fail('grpc-js serves on the main thread alone')
  if (!(keyBytesMax >= 1 && keyBytesMax <= KEY_BYTES_MAX)) {
    fail(`keyBytesMax is ${keyBytesMax}, not within 1 to ${KEY_BYTES_MAX}`)
  }
  if (!(valueBytesMax >= 0 && valueBytesMax <= VALUE_BYTES_MAX)) {
    fail(`valueBytesMax is ${valueBytesMax}, not within 0 to ${VALUE_BYTES_MAX}`)
  }
}
