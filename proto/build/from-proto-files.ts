import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type DescriptorProtoSchema,
  type EnumDescriptorProtoSchema,
  type FieldDescriptorProto,
  type FieldDescriptorProtoSchema,
  FieldDescriptorProto_Type as FieldType,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
} from '@bufbuild/protobuf/wkt'
import protobuf from 'protobufjs'
import type { DescriptorSource } from './descriptor-files.ts'

type MessageInit = MessageInitShape<typeof DescriptorProtoSchema>
type EnumInit = MessageInitShape<typeof EnumDescriptorProtoSchema>
type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>

/** Our own .proto files below a folder, by the name others import them under. */
export function protoFileNames(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.proto'))
    .map((name) => relative('.', name).split(sep).join('/'))
    .sort()
}

/**
 * Descriptors of our own .proto files, read without protoc. `imports` finds the descriptors of what they import. Knows what our
 * files use: proto3 messages, enums, oneofs, repeated fields; no maps, services, options or `optional`.
 * @throws Error for syntax it does not know and for types that no imported file has.
 */
export function protoFileSource(folder: string, root: string, imports: readonly DescriptorSource[]): DescriptorSource {
  const own = new Set(protoFileNames(folder).map((name) => `${root}/${name}`))
  const source: DescriptorSource = (name) => {
    if (!own.has(name)) return undefined
    const text = readFileSync(join(folder, name.slice(root.length + 1)), 'utf8')
    return toDescriptor(name, text, (wanted) =>
      [source, ...imports].map((one) => one(wanted)).find((file) => file !== undefined),
    )
  }
  return source
}

function toDescriptor(name: string, text: string, find: DescriptorSource): FileDescriptorProto {
  const parsed = protobuf.parse(text, new protobuf.Root(), { keepCase: true })
  const fail = (why: string): never => {
    throw new Error(`${name}: ${why}`)
  }
  const packageName = parsed.package ?? fail('a package is required')
  if (parsed.root.lookup(packageName) === null) fail('nothing is declared')
  const dependency = [...(parsed.imports ?? [])]
  const namespace = parsed.root.lookup(packageName) as protobuf.Namespace
  const known = new Map<string, 'message' | 'enum'>()
  for (const imported of dependency) {
    const file = find(imported) ?? fail(`cannot import ${imported}`)
    collect(file.package, file.messageType, file.enumType, known)
  }
  collectOwn(namespace, packageName, known)

  const message = (type: protobuf.Type): MessageInit => {
    const nested = type.nestedArray
    return {
      name: type.name,
      field: type.fieldsArray.map((field) => fieldOf(field, type)),
      oneofDecl: type.oneofsArray.map(({ name: oneof }) => ({ name: oneof })),
      nestedType: nested.flatMap((one) => (one instanceof protobuf.Type ? [message(one)] : [])),
      enumType: nested.flatMap((one) => (one instanceof protobuf.Enum ? [enumOf(one)] : [])),
    }
  }

  const fieldOf = (field: protobuf.Field, type: protobuf.Type): FieldInit => {
    const where = `${type.name}.${field.name}`
    if (field instanceof protobuf.MapField) fail(`${where}: maps are not supported here`)
    if (field.options && Object.keys(field.options).length > 0) fail(`${where}: options are not supported here`)
    const scalar = SCALARS[field.type]
    const reference = scalar === undefined ? resolve(field.type, `${packageName}.${type.name}`, known) : undefined
    if (scalar === undefined && !reference) fail(`${where}: no imported file has the type ${field.type}`)
    const oneofIndex = field.partOf ? type.oneofsArray.indexOf(field.partOf) : -1
    return {
      name: field.name,
      number: field.id,
      label: field.repeated ? Label.REPEATED : Label.OPTIONAL,
      type: scalar ?? (reference!.kind === 'enum' ? FieldType.ENUM : FieldType.MESSAGE),
      ...(reference && { typeName: `.${reference.name}` }),
      ...(oneofIndex >= 0 && { oneofIndex }),
    }
  }

  return create(FileDescriptorProtoSchema, {
    name,
    package: packageName,
    syntax: 'proto3',
    dependency,
    messageType: namespace.nestedArray.flatMap((one) => (one instanceof protobuf.Type ? [message(one)] : [])),
    enumType: namespace.nestedArray.flatMap((one) => (one instanceof protobuf.Enum ? [enumOf(one)] : [])),
  })
}

function enumOf(one: protobuf.Enum): EnumInit {
  return { name: one.name, value: Object.entries(one.values).map(([name, number]) => ({ name, number })) }
}

const SCALARS: Readonly<Record<string, FieldDescriptorProto['type']>> = {
  double: FieldType.DOUBLE,
  float: FieldType.FLOAT,
  int32: FieldType.INT32,
  int64: FieldType.INT64,
  uint32: FieldType.UINT32,
  uint64: FieldType.UINT64,
  bool: FieldType.BOOL,
  string: FieldType.STRING,
  bytes: FieldType.BYTES,
}

interface Declared {
  readonly name: string
  readonly nestedType?: readonly Declared[]
  readonly enumType?: readonly { readonly name: string }[]
}

function collect(
  scope: string,
  messages: readonly Declared[],
  enums: readonly { readonly name: string }[],
  known: Map<string, 'message' | 'enum'>,
): void {
  for (const { name } of enums) known.set(`${scope}.${name}`, 'enum')
  for (const { name, nestedType = [], enumType = [] } of messages) {
    known.set(`${scope}.${name}`, 'message')
    collect(`${scope}.${name}`, nestedType, enumType, known)
  }
}

function collectOwn(namespace: protobuf.NamespaceBase, scope: string, known: Map<string, 'message' | 'enum'>): void {
  for (const one of namespace.nestedArray) {
    const name = `${scope}.${one.name}`
    if (one instanceof protobuf.Enum) known.set(name, 'enum')
    if (one instanceof protobuf.Type) {
      known.set(name, 'message')
      collectOwn(one, name, known)
    }
  }
}

/** Protobuf's rule: the innermost scope that has the name. */
function resolve(type: string, scope: string, known: ReadonlyMap<string, 'message' | 'enum'>) {
  const name = type.replace(/^\./, '')
  const parts = type.startsWith('.') ? [] : scope.split('.')
  for (let length = parts.length; length >= 0; length--) {
    const full = [...parts.slice(0, length), name].join('.')
    const kind = known.get(full)
    if (kind) return { name: full, kind }
  }
  return undefined
}
