import {
  type Attributes,
  context,
  createTraceState,
  isSpanContextValid,
  type Link,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { CacheError } from './errors.js'

/**
 * Where in a sampled trace a call stands, as it crosses threads and nodes (W3C Trace Context). A cache begins no traces:
 * it joins those that somebody began and sampled. So a call without this has no spans, and pays nothing for them.
 */
export interface TraceParent {
  /** `00-TRACE-SPAN-FLAGS`, well-formed and sampled. */
  readonly traceparent: string
  readonly tracestate?: string
}

/** A span that is about to begin. */
export interface SpanSpec {
  readonly name: string
  readonly kind?: 'server' | 'client'
  readonly attributes: Attributes
  /** Other traces that wait for the same. */
  readonly links?: readonly TraceParent[]
}

const SCOPE = 'geek-cache'

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT } as const

/** Version 00, or a later one, of which no more than this is understood (W3C Trace Context, section 4.2.2). */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Of `traceparent`: the place of the last digit of its flags. */
const FLAGS_AT = 54

const TRACESTATE = /^[\x20-\x7e]{1,512}$/

/** What getTracerProvider() stands for until somebody registers a provider. */
const NO_PROVIDER = new ProxyTracerProvider().getDelegate()

/** True when spans go anywhere: a tracer provider is registered in this thread. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider()
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NO_PROVIDER
}

/** True when the flag "sampled" of a `traceparent` is set. Looks at nothing else. */
export function isSampled(traceparent: string): boolean {
  const digit = traceparent.charCodeAt(FLAGS_AT)
  // Of hexadecimal digits in lower case, those of odd numbers: 1 3 5 7 9 have odd codes, b d f even ones.
  return digit >= 0x61 ? (digit & 1) === 0 : (digit & 1) === 1
}

/** The parent that the header fields of a request name, if it was sampled. What is malformed is as if it was not there. */
export function sampledParent(
  traceparent: string | undefined,
  tracestate?: string | undefined,
): TraceParent | undefined {
  if (traceparent === undefined || !isSampled(traceparent)) return undefined
  const parent = {
    traceparent,
    ...(tracestate !== undefined && TRACESTATE.test(tracestate) && { tracestate }),
  }
  return spanContextOf(parent) === undefined ? undefined : parent
}

/** The span that is active in this thread now, if it was sampled. */
export function activeParent(): TraceParent | undefined {
  const active = trace.getSpanContext(context.active())
  return active && (active.traceFlags & 1) === 1 ? parentOf(active) : undefined
}

/**
 * Runs `work` in a span below `parent`, or just runs it when there is no parent. The span is active meanwhile, where an
 * SDK has a context manager, and ends with the promise. "Not found" is an answer; other rejections are errors.
 *
 * @param work is told the parent of what it does in turn
 * @param attributesOf what the result has to tell
 */
export async function traced<Result>(
  parent: TraceParent | undefined,
  spec: SpanSpec,
  work: (parent: TraceParent | undefined) => Promise<Result>,
  attributesOf: (result: Result) => Attributes = () => ({}),
): Promise<Result> {
  const spanContext = parent && spanContextOf(parent)
  if (!spanContext) return work(undefined)
  const below = trace.setSpanContext(ROOT_CONTEXT, spanContext)
  const span = trace.getTracer(SCOPE).startSpan(spec.name, optionsOf(spec), below)
  try {
    const result = await context.with(trace.setSpan(below, span), () => work(parentOf(span.spanContext())))
    span.setAttributes(attributesOf(result))
    return result
  } catch (thrown) {
    const { code, message } = CacheError.from(thrown)
    if (code === 'NOT_FOUND') span.setAttribute('geekcache.outcome', 'not_found')
    else {
      span.setAttribute('error.type', code)
      span.setStatus({ code: SpanStatusCode.ERROR, message })
    }
    throw thrown
  } finally {
    span.end()
  }
}

function optionsOf({ kind, attributes, links = [] }: SpanSpec): {
  kind: SpanKind
  attributes: Attributes
  links: Link[]
} {
  const contexts = links.flatMap((link) => spanContextOf(link) ?? [])
  return {
    kind: kind ? KINDS[kind] : SpanKind.INTERNAL,
    attributes,
    links: contexts.map((linked) => ({ context: linked })),
  }
}

function spanContextOf({ traceparent, tracestate }: TraceParent): SpanContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(traceparent) ?? []
  if (version === undefined || (version === '00' && rest !== undefined)) return undefined
  const spanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  }
  return isSpanContextValid(spanContext) ? spanContext : undefined
}

/** Undefined once a sampler has decided against the trace. */
function parentOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceParent | undefined {
  if ((traceFlags & 1) === 0) return undefined
  const tracestate = traceState?.serialize() ?? ''
  return { traceparent: `00-${traceId}-${spanId}-01`, ...(tracestate !== '' && { tracestate }) }
}
