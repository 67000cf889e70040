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

/** A request that is being read, as much of it in one turn as its reader likes. */
export interface RequestReading {
  /**
   * Reads on, until `most` more names were read.
   * @returns the request when it is whole; undefined when there is more to read
   * @throws WireError, RequestTooLarge
   */
  next(most: number): DiscoveryRequest | undefined
}

/**
 * ```
 * DiscoveryRequest: version_info = 1, node = 2, repeated resource_names = 3, type_url = 4, response_nonce = 5,
 *                   error_detail = 6 (google.rpc.Status), repeated resource_locators = 7 (ResourceLocator)
 * ```
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/discovery/v3/discovery.proto
 */
class SotwReading implements RequestReading {
  private readonly reader: WireReader
  private readonly names: NameList
  private version = ''
  private typeUrl = ''
  private nonce = ''
  private node: Buffer | undefined
  private error: ErrorDetail | undefined

  constructor(message: Buffer, limits: RequestLimits) {
    this.reader = new WireReader(message)
    this.names = new NameList(limits)
  }

  next(most: number): SotwRequest | undefined {
    const { reader, names } = this
    let left = most
    for (;;) {
      left = names.readOn(left)
      if (names.open) return undefined
      if (reader.done) break
      if (left <= 0) return undefined
      const tag = reader.tag()
      if (tag === string(3)) names.addAll(reader, tag)
      else if (tag === string(1)) this.version = reader.string()
      else if (tag === string(2)) this.node = reader.bytes()
      else if (tag === string(4)) this.typeUrl = reader.string()
      else if (tag === string(5)) this.nonce = reader.string()
      else if (tag === string(6)) this.error = readStatus(reader.message())
      else if (tag === string(7)) {
        names.addLocator(reader)
        left -= 1
      } else reader.skip(tag)
    }
    const { typeUrl, node, nonce, error, version } = this
    return { form: 'sotw', typeUrl, node, nonce, error, names: names.names, version }
  }
}

/**
 * ```
 * DeltaDiscoveryRequest: node = 1, type_url = 2, repeated resource_names_subscribe = 3,
 *                        repeated resource_names_unsubscribe = 4, map initial_resource_versions = 5,
 *                        response_nonce = 6, error_detail = 7, resource_locators_subscribe = 8, …_unsubscribe = 9
 * map entry:             key = 1, value = 2
 * ```
 */
class DeltaReading implements RequestReading {
  private readonly reader: WireReader
  private readonly limits: RequestLimits
  private readonly subscribe: NameList
  private readonly unsubscribe: NameList
  private initialVersions: Map<string, string> | undefined
  private typeUrl = ''
  private nonce = ''
  private node: Buffer | undefined
  private error: ErrorDetail | undefined

  constructor(message: Buffer, limits: RequestLimits) {
    this.reader = new WireReader(message)
    this.limits = limits
    this.subscribe = new NameList(limits)
    this.unsubscribe = new NameList(limits)
  }

  next(most: number): DeltaRequest | undefined {
    const { reader, limits, subscribe, unsubscribe } = this
    let left = most
    for (;;) {
      left = unsubscribe.readOn(subscribe.readOn(left))
      if (subscribe.open || unsubscribe.open) return undefined
      if (reader.done) break
      if (left <= 0) return undefined
      const tag = reader.tag()
      if (tag === string(3)) subscribe.addAll(reader, tag, this.nameLength)
      else if (tag === string(4)) unsubscribe.addAll(reader, tag, this.nameLength)
      else if (tag === string(5)) {
        this.initialVersions ??= new Map()
        if (this.initialVersions.size >= limits.names) throw tooMany('initial_resource_versions', limits)
        readVersion(reader.message(), this.initialVersions, this.nameLength)
        left -= 1
      } else if (tag === string(1)) this.node = reader.bytes()
      else if (tag === string(2)) this.typeUrl = reader.string()
      else if (tag === string(6)) this.nonce = reader.string()
      else if (tag === string(7)) this.error = readStatus(reader.message())
      else if (tag === string(8) || tag === string(9)) {
        const list = tag === string(8) ? subscribe : unsubscribe
        list.addLocator(reader)
        left -= 1
      } else reader.skip(tag)
    }
    return {
      form: 'delta',
      typeUrl: this.typeUrl,
      node: this.node,
      nonce: this.nonce,
      error: this.error,
      subscribe: subscribe.names,
      unsubscribe: unsubscribe.names,
      initialVersions: this.initialVersions ?? NO_VERSIONS,
    }
  }

  /** Envoy writes the type before the names. */
  private get nameLength(): number {
    const { nameLength } = this.limits
    return this.typeUrl === TYPE_URL.vhds ? Math.max(MOST_AUTHORITY, nameLength) : nameLength
  }
}

/** Begins to read a request, which may be read on in later turns: its bytes must stay what they are until then. */
export function readRequest(form: Form, message: Buffer, limits: RequestLimits): RequestReading {
  return form === 'delta' ? new DeltaReading(message, limits) : new SotwReading(message, limits)
}

/** Reads a request in one go. @throws WireError, RequestTooLarge */
export function readSotwRequest(message: Buffer, limits: RequestLimits): SotwRequest {
  return new SotwReading(message, limits).next(Number.POSITIVE_INFINITY)!
}

/** Reads a request in one go. @throws WireError, RequestTooLarge */
export function readDeltaRequest(message: Buffer, limits: RequestLimits): DeltaRequest {
  return new DeltaReading(message, limits).next(Number.POSITIVE_INFINITY)!
}

const NO_VERSIONS: ReadonlyMap<string, string> = new Map()

const lists = new NameLists()

/** Names that stand one behind the other, while they are read. */
interface NameRun {
  readonly reader: WireReader
  readonly bytes: Buffer
  readonly isFirst: boolean
  readonly nameLength: number
}

class NameList {
  /** Shared with other requests that list the same; never changed. */
  private shared: readonly string[] = []
  /** The names once they are not just one shared list. */
  private own: string[] | undefined
  private run: NameRun | undefined
  private readonly limits: RequestLimits

  constructor(limits: RequestLimits) {
    this.limits = limits
  }

  get names(): readonly string[] {
    return this.own ?? this.shared
  }

  /** Whether there are names that were given to `addAll` and have not been read. */
  get open(): boolean {
    return this.run !== undefined
  }

  /** All names that stand one behind the other with this tag; the first is next in the reader. They are known at once or to be `readOn`. */
  addAll(reader: WireReader, tag: number, nameLength = this.limits.nameLength): void {
    const bytes = reader.run(tag)
    const isFirst = this.names.length === 0
    const known = lists.find(bytes)
    if (known && isFirst && known.length <= this.limits.names) this.shared = known
    else this.run = { reader: new WireReader(bytes), bytes, isFirst, nameLength }
  }

  /** Reads names, `most` of them at most. @returns how many fewer that were */
  readOn(most: number): number {
    const { run } = this
    if (!run) return most
    let left = most
    for (;;) {
      if (left-- <= 0) return 0
      this.add(run.reader, run.nameLength)
      if (run.reader.done) break
      run.reader.tag()
    }
    this.run = undefined
    if (run.isFirst && this.own) {
      this.shared = this.own
      this.own = undefined
      lists.add(run.bytes, this.shared)
    }
    return left
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
