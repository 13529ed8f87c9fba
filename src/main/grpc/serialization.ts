import { status } from '@grpc/grpc-js'
import type { Method } from './method.js'
import type { ServerCall } from './server-call.js'

/** A request as its method reads it; undefined when it cannot, and the call has been failed. */
export function readRequest(
  call: ServerCall,
  method: Method,
  message: Buffer,
): { readonly value: unknown } | undefined {
  try {
    return { value: method.deserialize(message) }
  } catch (error) {
    call.fail(status.INTERNAL, `Error deserializing request: ${messageOf(error)}`)
    return undefined
  }
}

/** Sends a reply, or fails the call when its method cannot write it. */
export function sendReply(call: ServerCall, method: Method, value: unknown, compressed = true): void {
  let bytes: Buffer
  try {
    bytes = method.serialize(value)
  } catch (error) {
    call.fail(status.INTERNAL, `Error serializing response: ${messageOf(error)}`)
    return
  }
  call.sendMessage(bytes, compressed)
}

/** What an error says of itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
