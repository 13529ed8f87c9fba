import type { Attributes } from '@opentelemetry/api'
import { activeParent, type SpanSpec } from '../shared/tracing.js'
import type { Answer, CallOptions } from './call.js'

/** The spans of a group. Keys are no attributes: they may be secrets, and would be far too many. */
export function getSpan(group: string): SpanSpec {
  return { name: 'geekcache.get', attributes: { 'geekcache.group': group } }
}

export function getManySpan(group: string, keyCount: number): SpanSpec {
  return {
    name: 'geekcache.get_many',
    attributes: { 'geekcache.group': group, 'geekcache.keys': keyCount },
  }
}

/** What an answer has to tell. @param self address of this node */
export function answerAttributes({ outcome, answeredBy }: Answer, self: string): Attributes {
  return {
    'geekcache.outcome': answeredBy === self ? outcome : 'peer',
    'geekcache.answered_by': answeredBy,
  }
}

/** The options of a call of the embedding process, made part of the trace that is active there. */
export function joinActive(options: CallOptions): CallOptions {
  if (options.trace !== undefined) return options
  const trace = activeParent()
  return trace ? { ...options, trace } : options
}
