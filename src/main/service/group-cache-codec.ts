import { lengthTag, messageCodec, readBytes, readText, varintTag } from './message.js'
import { unaryMethod } from './unary-method.js'

/**
 * A key of a group. pb.Request declares the key as text, yet it is read and written as bytes here: on the wire both
 * look the same, and a key that is no UTF-8 goes through unchanged.
 */
export interface GroupKey {
  group: string
  key: Uint8Array
}

/** pb.Request, and every other message whose fields 1 and 2 are a group and a key. */
export const groupKeyCodec = messageCodec<GroupKey>(
  () => ({ group: '', key: new Uint8Array(0) }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.group = readText(reader)
    else if (tag === lengthTag(2)) message.key = readBytes(reader)
    else return false
    return true
  },
  (message, writer) => {
    if (message.group !== '') writer.uint32(lengthTag(1)).string(message.group)
    if (message.key.length > 0) writer.uint32(lengthTag(2)).bytes(message.key)
  },
)

/** pb.ResponseForGet. */
export interface ResponseForGet {
  value: Uint8Array
}

export const responseForGetCodec = messageCodec<ResponseForGet>(
  () => ({ value: new Uint8Array(0) }),
  (message, tag, reader) => {
    if (tag !== lengthTag(1)) return false
    message.value = readBytes(reader)
    return true
  },
  (message, writer) => {
    if (message.value.length > 0) writer.uint32(lengthTag(1)).bytes(message.value)
  },
)

/** pb.ResponseForDelete. */
export interface ResponseForDelete {
  value: boolean
}

export const responseForDeleteCodec = messageCodec<ResponseForDelete>(
  () => ({ value: false }),
  (message, tag, reader) => {
    if (tag !== varintTag(1)) return false
    message.value = reader.bool()
    return true
  },
  (message, writer) => {
    if (message.value) writer.uint32(varintTag(1)).bool(true)
  },
)

/** Service pb.GroupCache. */
export const groupCacheDefinition = {
  Get: unaryMethod('/pb.GroupCache/Get', groupKeyCodec, responseForGetCodec),
  Delete: unaryMethod('/pb.GroupCache/Delete', groupKeyCodec, responseForDeleteCodec),
}
