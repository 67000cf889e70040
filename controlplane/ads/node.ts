import type { Form } from '../subscription/request.ts'
import { WIRE, WireError, WireReader } from '../subscription/wire.ts'
import type { NodeInfo } from '../xds/resource.ts'

const varint = (field: number) => (field << 3) | WIRE.varint
const fixed64 = (field: number) => (field << 3) | WIRE.fixed64
const string = (field: number) => (field << 3) | WIRE.bytes

/** Objects and lists in one another in the metadata of a node; nobody writes that many. */
const DEEPEST = 64

/**
 * What a client said about itself, before anybody checked whether it may. Read by hand: Envoy adds a list of all its extensions,
 * some thousand messages which nobody here looks at, to the first request of each stream, or to every request.
 *
 * ```
 * Node:            id = 1, cluster = 2, metadata = 3 (Struct), locality = 4, user_agent_name = 6,
 *                  user_agent_version = 7 | user_agent_build_version = 8
 * Locality:        region = 1, zone = 2, sub_zone = 3
 * BuildVersion:    version = 1 (SemanticVersion: major_number = 1, minor_number = 2, patch = 3)
 * ```
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/base.proto#config-core-v3-node
 * @throws WireError when the bytes are no Node
 */
export function readNode(bytes: Buffer, protocol: Form): NodeInfo {
  const reader = new WireReader(bytes)
  let id = ''
  let cluster = ''
  let metadata: NodeInfo['metadata'] = NO_METADATA
  let locality = NOWHERE
  let agent = ''
  let version = ''
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(1)) id = reader.string()
    else if (tag === string(2)) cluster = reader.string()
    else if (tag === string(3)) metadata = ofBytes(metadatas, reader.bytes(), readMetadata)
    else if (tag === string(4)) locality = ofBytes(localities, reader.bytes(), readLocality)
    else if (tag === string(6)) agent = reader.string()
    else if (tag === string(7)) version = reader.string()
    else if (tag === string(8)) version = readBuildVersion(reader.message())
    else reader.skip(tag)
  }
  const named = version ? `${agent}/${version}` : agent
  const userAgent = agents.find(named, () => named)
  return { id, cluster, metadata, locality, userAgent, protocol, secretsAllowed: false }
}

/** The id alone. @throws WireError when the bytes are no Node */
export function readNodeId(bytes: Buffer): string {
  const reader = new WireReader(bytes)
  let id = ''
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(1)) id = reader.string()
    else reader.skip(tag)
  }
  return id
}

const NO_METADATA: NodeInfo['metadata'] = Object.freeze({})
const NOWHERE: NodeInfo['locality'] = Object.freeze({ region: '', zone: '', subZone: '' })

/** Things found by their text: nodes of one kind say much the same, and each stream holds what its own said. */
class Alike<T> {
  private readonly known = new Map<string, T>()

  /** The one of before, or what is made now. */
  find(text: string, make: () => T): T {
    if (text.length > LONGEST_KNOWN) return make()
    const found = this.known.get(text)
    if (found !== undefined) return found
    if (this.known.size >= MOST_KNOWN) this.known.clear()
    const made = make()
    this.known.set(text, made)
    return made
  }
}

const MOST_KNOWN = 1000
/** In characters, which are bytes where the text stands for some. */
const LONGEST_KNOWN = 1024
const metadatas = new Alike<NodeInfo['metadata']>()
const localities = new Alike<NodeInfo['locality']>()
const agents = new Alike<string>()

function ofBytes<T>(alike: Alike<T>, bytes: Buffer, read: (reader: WireReader) => T): T {
  return alike.find(bytes.toString('latin1'), () => read(new WireReader(bytes)))
}

function readMetadata(reader: WireReader): NodeInfo['metadata'] {
  return readStruct(reader, {}, 0) as NodeInfo['metadata']
}

function readLocality(reader: WireReader): NodeInfo['locality'] {
  const into = { region: '', zone: '', subZone: '' }
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(1)) into.region = reader.string()
    else if (tag === string(2)) into.zone = reader.string()
    else if (tag === string(3)) into.subZone = reader.string()
    else reader.skip(tag)
  }
  return into
}

/** `1.39.3`; empty when it has no version. */
function readBuildVersion(reader: WireReader): string {
  let version = ''
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(1)) version = readSemanticVersion(reader.message())
    else reader.skip(tag)
  }
  return version
}

function readSemanticVersion(reader: WireReader): string {
  const numbers = [0, 0, 0]
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === varint(1) || tag === varint(2) || tag === varint(3)) numbers[(tag >> 3) - 1] = reader.varint()
    else reader.skip(tag)
  }
  return numbers.join('.')
}

/**
 * ```
 * Struct:    map<string, Value> fields = 1 (entry: key = 1, value = 2)
 * Value:     null_value = 1 | number_value = 2 | string_value = 3 | bool_value = 4 | struct_value = 5 | list_value = 6
 * ListValue: repeated Value values = 1
 * ```
 * https://protobuf.dev/reference/protobuf/google.protobuf/#struct
 */
function readStruct(reader: WireReader, into: object, depth: number): object {
  while (!reader.done) {
    const tag = reader.tag()
    if (tag !== string(1)) {
      reader.skip(tag)
      continue
    }
    const entry = reader.message()
    let key = ''
    let value: unknown = null
    while (!entry.done) {
      const part = entry.tag()
      if (part === string(1)) key = entry.string()
      else if (part === string(2)) value = readValue(entry.message(), depth + 1)
      else entry.skip(part)
    }
    // Not by assignment: a key may be `__proto__`.
    Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true })
  }
  return into
}

function readValue(reader: WireReader, depth: number): unknown {
  if (depth > DEEPEST) throw new WireError(`the metadata is nested deeper than ${DEEPEST} levels`)
  let value: unknown = null
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(3)) value = reader.string()
    else if (tag === fixed64(2)) value = reader.double()
    else if (tag === varint(4)) value = reader.varint() !== 0
    else if (tag === string(5)) value = readStruct(reader.message(), {}, depth)
    else if (tag === string(6)) value = readList(reader.message(), depth)
    else {
      if (tag === varint(1)) value = null
      reader.skip(tag)
    }
  }
  return value
}

function readList(reader: WireReader, depth: number): readonly unknown[] {
  const values: unknown[] = []
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(1)) values.push(readValue(reader.message(), depth + 1))
    else reader.skip(tag)
  }
  return values
}
