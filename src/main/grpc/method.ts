import type { Metadata, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'

export type MethodType = 'unary' | 'clientStream' | 'serverStream' | 'bidi'

/** How a handler of a call with one reply gives it: grpc-js's sendUnaryData. */
export type UnaryCallback = (error: unknown, value?: unknown, trailers?: Metadata, flags?: number) => void

/** A handler of any of grpc-js's four kinds. Those that reply with a stream are given no callback. */
export type Handler = (call: unknown, callback?: UnaryCallback) => unknown

export interface Method {
  readonly path: string
  readonly type: MethodType
  /** Undefined for a method of the service that nobody implements. */
  readonly handler: Handler | undefined
  readonly serialize: (value: unknown) => Buffer
  readonly deserialize: (bytes: Buffer) => unknown
}

function methodTypeOf(requestStream: boolean, responseStream: boolean): MethodType {
  if (requestStream) return responseStream ? 'bidi' : 'clientStream'
  return responseStream ? 'serverStream' : 'unary'
}

/** The methods of a server by path. */
export class MethodTable {
  private readonly methods = new Map<string, Method>()

  get(path: string): Method | undefined {
    return this.methods.get(path)
  }

  /** False when the path is taken. */
  add(method: Method): boolean {
    if (this.methods.has(method.path)) return false
    this.methods.set(method.path, method)
    return true
  }

  remove(path: string): boolean {
    return this.methods.delete(path)
  }

  /**
   * Adds every method of a service; the implementation has them by their key or by their original name.
   *
   * @throws Error for a service without methods, and for a path that is taken
   */
  addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    if (
      service === null ||
      typeof service !== 'object' ||
      implementation === null ||
      typeof implementation !== 'object'
    ) {
      throw new Error('addService() requires two objects as arguments')
    }
    const keys = Object.keys(service)
    if (keys.length === 0) throw new Error('Cannot add an empty service to a server')
    for (const key of keys) {
      const attributes = service[key]!
      let handler = implementation[key]
      if (handler === undefined && typeof attributes.originalName === 'string') {
        handler = implementation[attributes.originalName]
      }
      const added = this.add({
        path: attributes.path,
        type: methodTypeOf(attributes.requestStream, attributes.responseStream),
        handler: handler === undefined ? undefined : ((handler as Handler).bind(implementation) as Handler),
        serialize: attributes.responseSerialize,
        deserialize: attributes.requestDeserialize,
      })
      if (!added) throw new Error(`Method handler for ${attributes.path} already provided.`)
    }
  }

  removeService(service: ServiceDefinition): void {
    if (service === null || typeof service !== 'object')
      throw new Error('removeService() requires object as argument')
    for (const key of Object.keys(service)) this.remove(service[key]!.path)
  }
}
