import { readFileSync } from 'node:fs'
import { createFileRegistry, type DescFile, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

/** All messages, enums, services and extensions the generated types cover. Serves `Any`, gRPC services and validation rules. */
export const registry: FileRegistry = load('descriptors.binpb')

let everything: FileRegistry | undefined

/** The same plus every extension Envoy links, for types that only users name; read at the first call (about 0.3 s). */
export function fullRegistry(): FileRegistry {
  everything ??= load('extensions.binpb')
  return everything
}

/** The descriptor of one proto file; generated code calls it instead of carrying its own copy. @throws Error when it is not there */
export function descriptorFile(name: string): DescFile {
  const file = registry.getFile(name)
  if (!file) throw new Error(`no descriptor of ${name}: run "npm run proto"`)
  return file
}

function load(name: string): FileRegistry {
  return createFileRegistry(
    fromBinary(FileDescriptorSetSchema, readFileSync(new URL(`./gen/${name}`, import.meta.url))),
  )
}
