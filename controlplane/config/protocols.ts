import { readFileSync } from 'node:fs'
import { type ConnectionMode, connectionModes, type FieldInfo } from '../../codecs/contract.ts'
import { checkProtocols } from '../../codecs/document.ts'
import { compileProtocol } from '../../codecs/layout/compile.ts'
import { protocolSpec } from '../../codecs/layout/schema.ts'
import { protocolFile, type ShippedProtocol, shippedProtocols } from '../../codecs/load.ts'
import { namesProto, protoFilesOf, resolveNames } from '../../codecs/proto/names.ts'
import { codec as redis } from '../../codecs/redis/codec.ts'
import type { SourceDocument } from '../sources/document.ts'
import type { ProtocolSpec } from './kinds/protocol.ts'
import type { ConfigObject } from './object.ts'
import { isObject } from './plain-object.ts'

/** What configuration must know of a protocol: the names routes may use. */
export interface ProtocolInfo {
  readonly modes: readonly ConnectionMode[]
  /** Fields declared, by name; undefined where only code in the proxy knows what they hold. */
  readonly fields: ReadonlyMap<string, FieldInfo | undefined>
  /** The same for what upstreams send, where that is laid out otherwise. */
  readonly upstreamFields?: ReadonlyMap<string, FieldInfo>
  /** Maps whose entries are fields `map.key`, the one for free attributes first. */
  readonly maps: readonly string[]
  /** Servers speak first: the upstream is chosen before anything is known of the client. */
  readonly speaksFirst?: true
  /** Code in the proxy may know more fields. */
  readonly open?: true
}

/** Attachments of Dubbo are read by code, so the layout does not name them. */
const CODE_MAPS: Readonly<Partial<Record<ShippedProtocol, string>>> = { dubbo: 'attachment' }

const shipped = new Map<string, ProtocolInfo>()
const written = new WeakMap<object, ProtocolInfo>()
type Layout = Parameters<typeof compileProtocol>[1]
const numbered = new WeakMap<object, Layout>()

/** Whether a protocol comes with the package. */
export function isShipped(name: string): name is ShippedProtocol {
  return (shippedProtocols as readonly string[]).includes(name)
}

/** A protocol that comes with the package. */
export function shippedInfo(name: ShippedProtocol): ProtocolInfo {
  const known = shipped.get(name)
  if (known) return known
  const info = name === 'redis' ? redisInfo() : readShipped(name)
  shipped.set(name, info)
  return info
}

/** A protocol of a document, undefined when it says neither how frames are cut nor who knows; computed once per document. */
export function documentInfo(document: ConfigObject<ProtocolSpec>): ProtocolInfo | undefined {
  const { name, spec } = document
  if (!spec.frame && spec.module === undefined) return undefined
  const known = written.get(spec)
  if (known) return known
  const info = spec.frame ? infoOf(name, numberedSpec(document)) : codeInfo(spec)
  const all: ProtocolInfo = {
    ...info,
    ...(spec.frame && spec.module !== undefined && { open: true }),
    ...(spec.speaksFirst === 'upstream' && { speaksFirst: true }),
  }
  written.set(spec, all)
  return all
}

/** A document's layout with numbers for names of `.proto` files: what proxies get. */
export function numberedSpec({ spec, source }: ConfigObject<ProtocolSpec>): Layout {
  const layout = spec as Layout
  const known = numbered.get(spec)
  if (known) return known
  const made = namesProto(layout) ? resolveNames(layout, source.file).spec : layout
  numbered.set(spec, made)
  return made
}

/** The `.proto` files a Protocol document names; none of other documents, or where the layout is not even of the right types. */
export function protocolFiles({ value, file }: SourceDocument): readonly string[] {
  if (!isObject(value) || value['kind'] !== 'Protocol' || !isObject(value['spec'])) return []
  const parsed = protocolSpec.safeParse(value['spec'])
  return parsed.success ? protoFilesOf(parsed.data, file) : []
}

/** Of a codec in code is known what its document says of it. */
function codeInfo({ fields, connections = [...connectionModes] }: ProtocolSpec): ProtocolInfo {
  return {
    modes: [...connections],
    fields: new Map(Object.keys(fields ?? {}).map((name) => [name, undefined])),
    maps: Object.entries(fields ?? {}).flatMap(([name, { type }]) => (type === 'map' ? [name] : [])),
    ...(fields ? {} : { open: true as const }),
  }
}

/** Whether a rule may name the field: one declared, or an entry of a map. */
export function hasField({ fields, maps, open }: ProtocolInfo, name: string): boolean {
  return open || fields.has(name) || maps.some((map) => name.startsWith(`${map}.`) && name.length > map.length + 1)
}

function readShipped(name: ShippedProtocol): ProtocolInfo {
  const [document] = checkProtocols(readFileSync(protocolFile(name), 'utf8'))
  if (!document?.spec) throw new Error(`the shipped protocol ${name} cannot be read`)
  const info = infoOf(name, document.spec)
  const map = CODE_MAPS[name]
  return map === undefined ? info : { ...info, maps: [map, ...info.maps] }
}

function redisInfo(): ProtocolInfo {
  return { modes: redis.modes, fields: byName(redis.fields), maps: [] }
}

function infoOf(name: string, spec: Parameters<typeof compileProtocol>[1]): ProtocolInfo {
  const { codec } = compileProtocol(name, spec)
  const maps = new Set<string>()
  for (const fields of [spec.fields, ...(spec.variants ?? []).map((variant) => variant.fields)])
    for (const [field, { type }] of Object.entries(fields ?? {})) if (type === 'map') maps.add(field)
  return {
    modes: codec?.modes ?? connectionModes,
    fields: byName(codec?.fields ?? []),
    ...(codec?.upstream && { upstreamFields: byName(codec.upstream.fields) }),
    maps: [...maps],
  }
}

function byName(fields: readonly FieldInfo[]): ReadonlyMap<string, FieldInfo> {
  return new Map(fields.map((field) => [field.name, field]))
}
