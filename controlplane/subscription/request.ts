import { TYPE_URL } from '../../proto/types.ts'
import { NameLists } from './name-lists.ts'
import { WIRE, WireReader } from './wire.ts'

/** What a request of either form may hold at most; beyond it the request is refused before memory is taken. */
export interface RequestLimits {
  /** Names in one request, counting `initial_resource_versions`. */
  readonly names: number
  /** Bytes of one name. */
  readonly nameLength: number
}

/** `google.rpc.Status` of a refused response. */
export interface ErrorDetail {
  readonly code: number
  readonly message: string
}

interface AnyRequest {
  /** As on the wire; empty on single-type services. */
  readonly typeUrl: string
  /** The encoded `Node`; only the first request of a stream must have one. */
  readonly node: Buffer | undefined
  /** Empty: nothing is acknowledged. */
  readonly nonce: string
  /** Present: the response with `nonce` was refused. */
  readonly error: ErrorDetail | undefined
}

/** State of the world: every request says the whole list of names again. */
export interface SotwRequest extends AnyRequest {
  readonly form: 'sotw'
  readonly names: readonly string[]
  /** The last version the client accepted, also from an earlier stream. */
  readonly version: string
}

/** Incremental: a request says what changed in the list of names. */
export interface DeltaRequest extends AnyRequest {
  readonly form: 'delta'
  readonly subscribe: readonly string[]
  readonly unsubscribe: readonly string[]
  /** What the client still holds from an earlier stream: name to version. */
  readonly initialVersions: ReadonlyMap<string, string>
}

export type DiscoveryRequest = SotwRequest | DeltaRequest
export type Form = DiscoveryRequest['form']

/** A request within the protocol but beyond our limits. The message is for the person who runs the client. */
export class RequestTooLarge extends Error {
  override readonly name = 'RequestTooLarge'
}

/**
 * Virtual hosts are asked for by what a request says its authority is: longer than any name that exists, but no reason to end the
 * stream of the proxy. Envoy takes headers of up to 60 KiB.
 */
const MOST_AUTHORITY = 64 * 1024

const string = (field: number) => (field << 3) | WIRE.bytes

/**
 * ```
 * DiscoveryRequest: version_info = 1, node = 2, repeated resource_names = 3, type_url = 4, response_nonce = 5,
 *                   error_detail = 6 (google.rpc.Status), repeated resource_locators = 7 (ResourceLocator)
 * ```
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/discovery/v3/discovery.proto
 * @throws WireError, RequestTooLarge
 */
export function readSotwRequest(message: Buffer, limits: RequestLimits): SotwRequest {
  const reader = new WireReader(message)
  const names = new NameList(limits)
  let version = ''
  let typeUrl = ''
  let nonce = ''
  let node: Buffer | undefined
  let error: ErrorDetail | undefined
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(3)) names.addAll(reader, tag)
    else if (tag === string(1)) version = reader.string()
    else if (tag === string(2)) node = reader.bytes()
    else if (tag === string(4)) typeUrl = reader.string()
    else if (tag === string(5)) nonce = reader.string()
    else if (tag === string(6)) error = readStatus(reader.message())
    else if (tag === string(7)) names.addLocator(reader)
    else reader.skip(tag)
  }
  return { form: 'sotw', typeUrl, node, nonce, error, names: names.names, version }
}

/**
 * ```
 * DeltaDiscoveryRequest: node = 1, type_url = 2, repeated resource_names_subscribe = 3,
 *                        repeated resource_names_unsubscribe = 4, map initial_resource_versions = 5,
 *                        response_nonce = 6, error_detail = 7, resource_locators_subscribe = 8, …_unsubscribe = 9
 * map entry:             key = 1, value = 2
 * ```
 * @throws WireError, RequestTooLarge
 */
export function readDeltaRequest(message: Buffer, limits: RequestLimits): DeltaRequest {
  const reader = new WireReader(message)
  // Envoy writes the type before the names.
  const nameLength = () => (typeUrl === TYPE_URL.vhds ? Math.max(MOST_AUTHORITY, limits.nameLength) : limits.nameLength)
  const subscribe = new NameList(limits)
  const unsubscribe = new NameList(limits)
  let initialVersions: Map<string, string> | undefined
  let typeUrl = ''
  let nonce = ''
  let node: Buffer | undefined
  let error: ErrorDetail | undefined
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === string(3)) subscribe.addAll(reader, tag, nameLength())
    else if (tag === string(4)) unsubscribe.addAll(reader, tag, nameLength())
    else if (tag === string(5)) {
      initialVersions ??= new Map()
      if (initialVersions.size >= limits.names) throw tooMany('initial_resource_versions', limits)
      readVersion(reader.message(), initialVersions, nameLength())
    } else if (tag === string(1)) node = reader.bytes()
    else if (tag === string(2)) typeUrl = reader.string()
    else if (tag === string(6)) nonce = reader.string()
    else if (tag === string(7)) error = readStatus(reader.message())
    else if (tag === string(8)) subscribe.addLocator(reader)
    else if (tag === string(9)) unsubscribe.addLocator(reader)
    else reader.skip(tag)
  }
  return {
    form: 'delta',
    typeUrl,
    node,
    nonce,
    error,
    subscribe: subscribe.names,
    unsubscribe: unsubscribe.names,
    initialVersions: initialVersions ?? NO_VERSIONS,
  }
}

const NO_VERSIONS: ReadonlyMap<string, string> = new Map()

const lists = new NameLists()

class NameList {
  /** Shared with other requests that list the same; never changed. */
  private shared: readonly string[] = []
  /** The names once they are not just one shared list. */
  private own: string[] | undefined
  private readonly limits: RequestLimits

  constructor(limits: RequestLimits) {
    this.limits = limits
  }

  get names(): readonly string[] {
    return this.own ?? this.shared
  }

  /** All names that stand one behind the other with this tag; the first is next in the reader. */
  addAll(reader: WireReader, tag: number, nameLength = this.limits.nameLength): void {
    const bytes = reader.run(tag)
    const known = lists.find(bytes)
    if (known && this.names.length === 0 && known.length <= this.limits.names) {
      this.shared = known
      return
    }
    const isFirst = this.names.length === 0
    const run = new WireReader(bytes)
    for (;;) {
      this.add(run, nameLength)
      if (run.done) break
      run.tag()
    }
    if (!isFirst || !this.own) return
    this.shared = this.own
    this.own = undefined
    lists.add(bytes, this.shared)
  }

  add(reader: WireReader, nameLength = this.limits.nameLength): void {
    this.own ??= [...this.shared]
    if (this.own.length >= this.limits.names) throw tooMany('resource names', this.limits)
    this.own.push(readName(reader, nameLength))
  }

  /** ResourceLocator: name = 1, dynamic_parameters = 2. Envoy does not send them yet; without parameters one is a name. */
  addLocator(reader: WireReader): void {
    const locator = reader.message()
    while (!locator.done) {
      const tag = locator.tag()
      if (tag === string(1)) this.add(locator)
      else locator.skip(tag)
    }
  }
}

function readVersion(entry: WireReader, versions: Map<string, string>, nameLength: number): void {
  let key = ''
  let value = ''
  while (!entry.done) {
    const tag = entry.tag()
    if (tag === string(1)) key = readName(entry, nameLength)
    else if (tag === string(2)) value = entry.string()
    else entry.skip(tag)
  }
  versions.set(key, value)
}

/** google.rpc.Status: code = 1, message = 2, details = 3 */
function readStatus(reader: WireReader): ErrorDetail {
  let code = 0
  let message = ''
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | WIRE.varint)) code = reader.varint()
    else if (tag === string(2)) message = reader.string()
    else reader.skip(tag)
  }
  return { code, message }
}

function readName(reader: WireReader, nameLength: number): string {
  return reader.string(
    nameLength,
    (length) =>
      new RequestTooLarge(`a resource name has ${length} bytes; this server takes names of up to ${nameLength}`),
  )
}

function tooMany(what: string, limits: RequestLimits): RequestTooLarge {
  return new RequestTooLarge(
    `more than ${limits.names} ${what} in one request; scope the proxy (Sidecar egress hosts) or raise the limit`,
  )
}
