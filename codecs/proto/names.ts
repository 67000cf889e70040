import { errorText } from '../../errors/thrown.ts'
import { errorAt, type Issue, type IssuePath } from '../layout/issue.ts'
import { didYouMean } from '../layout/names.ts'
import type { FieldSpec, ProtocolSpec } from '../layout/schema.ts'
import { filesBehind, loadProto, type ProtoField, type ProtoTypes } from './types.ts'

export interface ResolvedSpec {
  readonly spec: ProtocolSpec
  readonly issues: readonly Issue[]
}

type Fields = Readonly<Record<string, FieldSpec>>
type Load = (file: string, path: IssuePath) => ProtoTypes | undefined
type Complain = (path: IssuePath, message: string, hint?: string) => void
interface Container {
  readonly types: ProtoTypes
  readonly message: string
}

/** Whether a spec names anything by a `.proto` file. */
export function namesProto(spec: ProtocolSpec): boolean {
  return fieldGroups(spec).some(({ fields }) => Object.values(fields).some(({ proto }) => proto !== undefined))
}

/** Paths of the `.proto` files a spec names, with what they import. @param file of the document */
export function protoFilesOf(spec: ProtocolSpec, file: string): readonly string[] {
  const named = fieldGroups(spec).flatMap(({ fields }) =>
    Object.values(fields).flatMap(({ proto }) => proto?.file ?? []),
  )
  return [...new Set(named.flatMap((name) => filesBehind(name, file)))]
}

function fieldGroups({
  fields = {},
  variants = [],
}: ProtocolSpec): { readonly fields: Fields; readonly path: IssuePath }[] {
  return [
    { fields, path: ['spec', 'fields'] },
    ...variants.map((variant, index) => ({
      fields: variant.fields ?? {},
      path: ['spec', 'variants', index, 'fields'] as IssuePath,
    })),
  ]
}

/**
 * A spec with protobuf field numbers and types for the names in `pb`, and without `proto`.
 * @param file of the document; its `.proto` files lie beside it. undefined: the document lies in no folder
 */
export function resolveNames(spec: ProtocolSpec, file: string | undefined): ResolvedSpec {
  const issues: Issue[] = []
  const error = (path: IssuePath, message: string, hint?: string) => {
    issues.push(errorAt(path, message, hint))
  }
  const loaded = new Map<string, ProtoTypes | undefined>()
  const load = (name: string, path: IssuePath) => {
    if (loaded.has(name)) return loaded.get(name)
    let types: ProtoTypes | undefined
    try {
      if (file === undefined)
        throw new Error('this document lies in no folder that could hold .proto files; write numbers')
      types = loadProto(name, file)
    } catch (cause) {
      error(path, errorText(cause))
    }
    loaded.set(name, types)
    return types
  }
  const [top, ...inner] = fieldGroups(spec)
  const group = (own: Fields, path: IssuePath, shared: Fields) => new Group(own, path, shared, load, error)
  const base = group(top!.fields, top!.path, {})
  const fields = base.resolved()
  const variants = spec.variants?.map((variant, index) => {
    const { fields: own, path } = inner[index]!
    const scope = group(own, path, top!.fields)
    return {
      ...variant,
      ...(variant.fields && { fields: scope.resolved() }),
      ...(variant.message && { message: scope.message(variant.message, ['spec', 'variants', index, 'message']) }),
    }
  })
  const message = spec.message && base.message(spec.message, ['spec', 'message'])
  return {
    issues,
    spec: { ...spec, ...(spec.fields && { fields }), ...(message && { message }), ...(variants && { variants }) },
  }
}

/** The fields of a variant, with those of the whole document behind them. */
class Group {
  readonly #own: Fields
  readonly #path: IssuePath
  readonly #shared: Fields
  readonly #load: Load
  readonly #error: Complain
  readonly #containers = new Map<string, Container | undefined>()

  constructor(own: Fields, path: IssuePath, shared: Fields, load: Load, error: Complain) {
    this.#own = own
    this.#path = path
    this.#shared = shared
    this.#load = load
    this.#error = error
  }

  resolved(): Record<string, FieldSpec> {
    return Object.fromEntries(
      Object.entries(this.#own).map(([name, spec]) => [name, this.#field(spec, [...this.#path, name])]),
    )
  }

  /** The fields that stand in `message` themselves. */
  message<Spec extends Readonly<Record<string, unknown>>>(spec: Spec, path: IssuePath): Spec {
    const isField = (part: unknown): part is FieldSpec => typeof part === 'object' && part !== null && 'pb' in part
    return Object.fromEntries(
      Object.entries(spec).map(([key, part]) => {
        if (isField(part)) return [key, this.#field(part, [...path, key])]
        if (key !== 'id' || !Array.isArray(part)) return [key, part]
        return [key, part.map((one, index) => (isField(one) ? this.#field(one, [...path, key, index]) : one))]
      }),
    ) as Spec
  }

  #field(spec: FieldSpec, path: IssuePath): FieldSpec {
    const { proto: _, ...plain } = spec
    const names = namesOf(spec.pb)
    if (!names || spec.in === undefined) return plain
    const found = this.#walk(spec.in, names, [...path, 'pb'])
    if (!found) return { ...plain, pb: [1], type: spec.type ?? 'bytes' }
    const { numbers, field } = found
    if (field.repeated) this.#error([...path, 'pb'], `"${names.join('.')}" is repeated; a routing field has one value`)
    else if (field.type === undefined && spec.type === undefined)
      this.#error([...path, 'pb'], `"${names.join('.')}" is a ${field.wireName}, which no route can look at`)
    const type = spec.type ?? field.type ?? 'bytes'
    return { ...plain, pb: numbers, type, ...(spec.is === undefined && field.values && { is: field.values }) }
  }

  #walk(
    container: string,
    names: readonly string[],
    path: IssuePath,
  ): { readonly numbers: number[]; readonly field: ProtoField } | undefined {
    const start = this.#container(container)
    if (!start) {
      const declared = container in this.#own || container in this.#shared
      if (declared && !this.#containers.has(container))
        this.#error(path, `"${container}" has no .proto file`, 'proto: {file: …, message: …} beside it, or numbers')
      return undefined
    }
    const { types } = start
    let message: string | undefined = start.message
    let field: ProtoField | undefined
    const numbers: number[] = []
    for (const [index, name] of names.entries()) {
      if (message === undefined || (field?.repeated && index > 0)) {
        this.#error(path, `"${names.slice(0, index).join('.')}" is no single message, so it has no "${name}"`)
        return undefined
      }
      const known = types.fields(message)
      field = known.get(name)
      if (!field) {
        this.#error(path, `message ${message} has no field "${name}"`, didYouMean(name, [...known.keys()]))
        return undefined
      }
      numbers.push(field.number)
      message = field.message
    }
    return field && { numbers, field }
  }

  /** The message some bytes hold: by their own `proto`, or because they are a submessage themselves. */
  #container(name: string): Container | undefined {
    if (this.#containers.has(name)) return this.#containers.get(name)
    const own = this.#own[name]
    const spec = own ?? this.#shared[name]
    if (!spec) return undefined
    const names = namesOf(spec.pb)
    const { proto } = spec
    if (!proto && !(names && spec.in !== undefined)) return undefined
    this.#containers.set(name, undefined)
    const path = own ? [...this.#path, name] : ['spec', 'fields', name]
    const container = proto
      ? this.#declared(proto, [...path, 'proto'])
      : this.#within(spec.in!, names!, [...path, 'pb'])
    this.#containers.set(name, container)
    return container
  }

  #declared({ file, message }: NonNullable<FieldSpec['proto']>, path: IssuePath): Container | undefined {
    const types = this.#load(file, [...path, 'file'])
    if (!types) return undefined
    try {
      return { types, message: types.find(message) }
    } catch (cause) {
      this.#error([...path, 'message'], errorText(cause))
      return undefined
    }
  }

  #within(container: string, names: readonly string[], path: IssuePath): Container | undefined {
    const found = this.#walk(container, names, path)
    const message = found?.field.message
    const types = this.#containers.get(container)?.types
    return message !== undefined && types ? { types, message } : undefined
  }
}

/** The names of a path that is no path of numbers. */
function namesOf(pb: FieldSpec['pb']): readonly string[] | undefined {
  return typeof pb === 'string' && !/^\d/.test(pb) ? pb.split('.') : undefined
}
