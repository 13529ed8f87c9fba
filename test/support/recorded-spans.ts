import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { context, type Span, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

/** An SDK in this process that keeps the spans of a test. */
export class RecordedSpans {
  readonly #exporter = new InMemorySpanExporter()

  /** Registers the SDK until the test is over. */
  static start(t: TestContext): RecordedSpans {
    const spans = new RecordedSpans()
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans.#exporter)] })
    assert.ok(trace.setGlobalTracerProvider(provider))
    assert.ok(context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()))
    t.after(() => {
      trace.disable()
      context.disable()
    })
    return spans
  }

  /** A span of the caller's own, to be ended by it. */
  begin(name: string): Span {
    return trace.getTracer('test').startSpan(name, { kind: SpanKind.CLIENT })
  }

  /** All spans that have ended. */
  get ended(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans()
  }

  /** Names from the outermost span to the innermost, where each span has one child at most. */
  chain(): string[] {
    const { ended } = this
    const names: string[] = []
    let next = ended.find(({ parentSpanContext }) => parentSpanContext === undefined)
    while (next) {
      const { spanId, traceId } = next.spanContext()
      names.push(next.name)
      const children = ended.filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId)
      assert.ok(children.length <= 1, `${next.name} has ${children.map(({ name }) => name).join(' and ')}`)
      next = children[0]
      if (next) assert.equal(next.spanContext().traceId, traceId)
    }
    return names
  }

  named(name: string): ReadableSpan {
    const found = this.ended.filter((span) => span.name === name)
    assert.equal(found.length, 1, `${name} in ${this.ended.map((span) => span.name).join()}`)
    return found[0]!
  }
}

/** The header field by which a span is made known. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-0${traceFlags}`
}
