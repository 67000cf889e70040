import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { MessageTypeDefinition } from '@grpc/proto-loader'
import { errorText } from '../../errors/thrown.ts'
import { didYouMean } from '../layout/names.ts'

/** A field of a message, as far as routing needs it. */
export interface ProtoField {
  readonly name: string
  readonly number: number
  /** As the layout calls it: `int32` … `fixed64`, `string`, `bytes`, `bool`, `message`, `map`; undefined: it cannot be a routing field. */
  readonly type: string | undefined
  /** As .proto files call it. */
  readonly wireName: string
  readonly repeated: boolean
  /** Full name of the message of a submessage. */
  readonly message: string | undefined
  /** Names of an enum's values. */
  readonly values: Readonly<Record<string, string>> | undefined
}

/** What a `.proto` file and its imports define. */
export interface ProtoTypes {
  /** Full name of a message, given in full or by its last words. @throws Error that says which there are */
  find(name: string): string
  fields(message: string): ReadonlyMap<string, ProtoField>
  /** The value of some bytes, 64-bit integers as text, enums by name. @throws Error for bytes that are no such message */
  decode(message: string, bytes: Uint8Array): unknown
}

interface DescriptorField {
  readonly name: string
  readonly number: number
  readonly label: string
  readonly type: string
  readonly typeName: string
}

interface Descriptor {
  readonly name: string
  readonly field: readonly DescriptorField[]
  readonly nestedType: readonly Descriptor[]
  readonly enumType: readonly EnumDescriptor[]
  readonly options?: { readonly mapEntry?: boolean } | null
}

interface EnumDescriptor {
  readonly name: string
  readonly value: readonly { readonly name: string; readonly number: number }[]
}

const scalars = new Set(
  'int32 int64 uint32 uint64 sint32 sint64 bool fixed32 sfixed32 fixed64 sfixed64 string bytes'.split(' '),
)

/**
 * Reads a `.proto` file and what it imports, from its folder; `google/protobuf/*.proto` are known.
 * @param from the file that names it, or a folder with `/` behind
 * @throws Error `<file>:<line>: <what is wrong>`
 */
export function loadProto(file: string, from: string): ProtoTypes {
  const problem = pathProblem(file)
  if (problem) throw new Error(problem)
  return readProto(resolve(dirname(from), file), [dirname(from)])
}

/**
 * The file itself and all it imports from its folder, there or not; no other file is named.
 * @param from the file that names it
 */
export function filesBehind(file: string, from: string): readonly string[] {
  const root = dirname(from)
  const found = new Set<string>()
  const visit = (name: string, folders: readonly string[]) => {
    if (pathProblem(name)) return
    const paths = folders.map((folder) => resolve(folder, name))
    const path = paths.find((one) => existsSync(one)) ?? paths[0]!
    if (found.has(path)) return
    found.add(path)
    for (const [, other = ''] of textOf(path).matchAll(/^\s*import\s+(?:public\s+|weak\s+)?["']([^"']+)["']/gm))
      if (!other.startsWith('google/protobuf/')) visit(other, [dirname(path), root])
  }
  visit(file, [root])
  return [...found]
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Whoever reads it for its types says what is wrong.
    return ''
  }
}

/** The same for a path that a person typed. @param folders where imports are looked for, beside the file's own folder @throws Error with file and line */
export function readProto(path: string, folders: readonly string[] = []): ProtoTypes {
  // Read when somebody needs it: the proxy never does.
  const { loadSync } = createRequire(import.meta.url)('@grpc/proto-loader') as typeof import('@grpc/proto-loader')
  try {
    const definitions = loadSync(path, {
      keepCase: true,
      longs: String,
      enums: String,
      bytes: Buffer,
      oneofs: false,
      includeDirs: [dirname(path), ...folders],
    })
    return new Types(definitions as Readonly<Record<string, unknown>>)
  } catch (error) {
    throw new Error(placed(errorText(error), path))
  }
}

/** Files beside the document and below: a document must not read what else is on the machine. */
function pathProblem(file: string): string | undefined {
  if (isAbsolute(file) || file.split(/[\\/]/).includes('..'))
    return `${file} must lie in the folder of this document or below it`
  return file.endsWith('.proto') ? undefined : `${file} is no .proto file`
}

/** The parser's words with the place in front. */
function placed(message: string, path: string): string {
  const at = /^(.*) \((?:(.*), )?line (\d+)\)$/s.exec(message)
  if (at) return `${at[2] ?? path}:${at[3]}: ${at[1]}`
  const missing = /ENOENT: .* '(.*)'$/.exec(message)
  if (missing)
    return missing[1] === path ? `there is no file ${path}` : `${path}: there is no file ${missing[1]} to import`
  return `${path}: ${message}`
}

class Types implements ProtoTypes {
  readonly #messages = new Map<string, Descriptor>()
  readonly #enums = new Map<string, EnumDescriptor>()
  readonly #definitions: Readonly<Record<string, unknown>>

  constructor(definitions: Readonly<Record<string, unknown>>) {
    this.#definitions = definitions
    for (const [name, definition] of Object.entries(definitions)) {
      const { format, type } = definition as { readonly format?: string; readonly type?: Descriptor & EnumDescriptor }
      if (!type) continue
      if (format?.endsWith('EnumDescriptorProto')) this.#enums.set(name, type)
      else this.#add(name, type)
    }
  }

  #add(name: string, type: Descriptor): void {
    this.#messages.set(name, type)
    for (const inner of type.nestedType) this.#add(`${name}.${inner.name}`, inner)
    for (const inner of type.enumType) this.#enums.set(`${name}.${inner.name}`, inner)
  }

  find(name: string): string {
    if (this.#messages.has(name)) return name
    const all = [...this.#messages].filter(([, { options }]) => !options?.mapEntry).map(([key]) => key)
    const found = all.filter((key) => key.endsWith(`.${name}`))
    if (found.length === 1) return found[0]!
    if (found.length > 1) throw new Error(`"${name}" may be ${found.join(' or ')}: write more of it`)
    const own = all.filter((key) => !key.startsWith('google.protobuf.'))
    const hint = didYouMean(name, own)
    throw new Error(`there is no message "${name}"${hint ? `; ${hint}` : ''}`)
  }

  fields(message: string): ReadonlyMap<string, ProtoField> {
    const fields = this.#messages.get(message)?.field ?? []
    return new Map(fields.map((field) => [field.name, this.#field(message, field)]))
  }

  #field(within: string, { name, number, label, type, typeName }: DescriptorField): ProtoField {
    const repeated = label === 'LABEL_REPEATED'
    const wireName = type.slice('TYPE_'.length).toLowerCase()
    const base = { name, number, wireName, repeated, message: undefined, values: undefined }
    if (wireName === 'message') {
      const inner = this.#resolve(typeName, within, this.#messages)
      const entry = inner === undefined ? undefined : this.#messages.get(inner)
      if (!entry?.options?.mapEntry) return { ...base, type: 'message', message: inner }
      const texts = entry.field.every((part) => part.type === 'TYPE_STRING' || part.type === 'TYPE_BYTES')
      return { ...base, type: texts ? 'map' : undefined, wireName: 'map', repeated: false }
    }
    if (wireName === 'enum') {
      const key = this.#resolve(typeName, within, this.#enums)
      const values = key === undefined ? [] : this.#enums.get(key)!.value
      return { ...base, type: 'int32', values: Object.fromEntries(values.map((one) => [one.number, one.name])) }
    }
    return { ...base, type: scalars.has(wireName) ? wireName : undefined }
  }

  /** A name as a field says it: from the innermost scope outwards. */
  #resolve(name: string, within: string, among: ReadonlyMap<string, unknown>): string | undefined {
    if (name.startsWith('.')) return among.has(name.slice(1)) ? name.slice(1) : undefined
    for (let scope = within; ; scope = scope.slice(0, Math.max(0, scope.lastIndexOf('.')))) {
      const full = scope === '' ? name : `${scope}.${name}`
      // A map's entry is called as the field is, with a capital letter and "Entry" or without.
      if (among.has(full)) return full
      if (scope === '') return undefined
    }
  }

  decode(message: string, bytes: Uint8Array): unknown {
    const definition = this.#definitions[message] as MessageTypeDefinition<object, object> | undefined
    if (!definition?.deserialize) throw new Error(`${message} lies within another message: name the outer one`)
    return definition.deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  }
}
