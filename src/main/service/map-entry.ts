import type { PackageDefinition } from '@grpc/proto-loader'
import descriptor, {
  type IDescriptorProto,
  type IFileDescriptorProto,
} from 'protobufjs/ext/descriptor/index.js'

/**
 * Gives the entry messages of map fields the names that protobuf prescribes: `FieldNameEntry` for a field `field_name`
 * (protobuf language guide, "Maps"). protobufjs leaves out the `Entry` when it writes descriptors, and clients that
 * check, such as grpcurl, then reject the whole file.
 */
export function nameMapEntries(definition: PackageDefinition): PackageDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, entry]) => {
      if (!('fileDescriptorProtos' in entry) || !Array.isArray(entry.fileDescriptorProtos))
        return [name, entry]
      return [name, { ...entry, fileDescriptorProtos: entry.fileDescriptorProtos.map(mendFile) }]
    }),
  ) as PackageDefinition
}

function mendFile(bytes: Buffer): Buffer {
  const file = descriptor.FileDescriptorProto.decode(bytes)
  for (const message of (file as IFileDescriptorProto).messageType ?? []) mendMessage(message)
  return Buffer.from(descriptor.FileDescriptorProto.encode(file).finish())
}

function mendMessage(message: IDescriptorProto): void {
  for (const nested of message.nestedType ?? []) {
    if (!nested.options?.mapEntry) {
      mendMessage(nested)
      continue
    }
    const wrong = nested.name
    const field = message.field?.find(({ typeName }) => typeName === wrong)
    if (field?.name === undefined) continue
    nested.name = entryNameOf(field.name)
    field.typeName = nested.name
  }
}

function entryNameOf(fieldName: string): string {
  const words = fieldName.split('_').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
  return `${words.join('')}Entry`
}
