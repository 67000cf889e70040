import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { type DescriptorProto, type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

/** Where proto files come from: a function from file name (`envoy/config/…/x.proto`) to its descriptor, or undefined when the source lacks it. */
export type DescriptorSource = (name: string) => FileDescriptorProto | undefined

/**
 * Collects the wanted files and everything they import, dependencies first (the order a FileDescriptorSet must have).
 * @throws Error naming every file no source has, with the file that imports it.
 */
export function closure(wanted: readonly string[], sources: readonly DescriptorSource[]): FileDescriptorProto[] {
  const done = new Map<string, FileDescriptorProto>()
  const visiting = new Set<string>()
  const missing: string[] = []
  const visit = (name: string, importer: string) => {
    if (done.has(name) || visiting.has(name)) return
    visiting.add(name)
    const file = sources.map((source) => source(name)).find((found) => found !== undefined)
    if (!file) {
      missing.push(`${name} (wanted by ${importer})`)
      return
    }
    for (const dependency of file.dependency) visit(dependency, name)
    done.set(name, file)
  }
  for (const name of wanted) visit(name, 'the entry list')
  if (missing.length > 0) throw new Error(`no descriptor source has:\n  ${missing.join('\n  ')}`)
  return [...done.values()]
}

/** Descriptors embedded in generated code carry no json_name; without it protobuf-es knows no camelCase key. The rule is protoc's. */
export function fillJsonNames(file: FileDescriptorProto): void {
  const jsonName = (name: string) => name.replace(/_+([a-z0-9]?)/g, (_, letter: string) => letter.toUpperCase())
  const fill = (message: DescriptorProto) => {
    for (const field of [...message.field, ...message.extension]) field.jsonName ||= jsonName(field.name)
    message.nestedType.forEach(fill)
  }
  file.messageType.forEach(fill)
  for (const field of file.extension) field.jsonName ||= jsonName(field.name)
}

/** A private copy, so that filling in names does not touch shared descriptors of the runtime. */
export function copyFile(file: FileDescriptorProto): FileDescriptorProto {
  return fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file))
}
