/**
 * The cache of a node from a browser, or from another program, over one WebSocket: `import { connect } from
 * 'geek-cache/client'`. It imports nothing of the server.
 */
export type { LiveValue } from '../live/live-reply.js'
export type { CounterSample, HotKeySample, KeyExplanation, RingMember } from '../main/node-view.js'
export { CacheError, type CodeName } from '../shared/errors.js'
export type { RequestOptions } from './ask.js'
export { CacheClient, type ConnectOptions, connect, type StatsView } from './cache-client.js'
export { ClientGroup, type Key, type WatchOptions } from './client-group.js'
export type { LinkState } from './live-link.js'
export type { LiveSocket, LiveSocketClass } from './live-socket.js'
