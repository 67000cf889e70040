import { TYPE_URL } from '../../proto/types.ts'
import { NameList, type RequestLimits, readName, tooMany } from './read-names.ts'
import { WIRE, WireReader } from './wire.ts'

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

/** What both forms have in common: a cursor that goes on where it stopped. */
abstract class Reading<Request extends DiscoveryRequest> implements RequestReading {
  protected typeUrl = ''
  protected nonce = ''
  protected node: Buffer | undefined
  protected error: ErrorDetail | undefined
  protected readonly limits: RequestLimits
  private readonly reader: WireReader

  constructor(message: Buffer, limits: RequestLimits) {
    this.reader = new WireReader(message)
    this.limits = limits
  }

  next(most: number): Request | undefined {
    const { reader } = this
    let left = most
    for (;;) {
      left = this.readNames(left)
      if (this.open) return undefined
      if (reader.done) return this.request()
      if (left <= 0) return undefined
      left -= this.take(reader.tag(), reader)
    }
  }

  /** Reads on in the lists that are open, `most` names at most. @returns how many fewer that were */
  protected abstract readNames(most: number): number
  /** Whether a list has names that were not read. */
  protected abstract get open(): boolean
  /** Reads the field of this tag. @returns names read */
  protected abstract take(tag: number, reader: WireReader): number
  /** When all is read. */
  protected abstract request(): Request
}

/**
 * ```
 * DiscoveryRequest: version_info = 1, node = 2, repeated resource_names = 3, type_url = 4, response_nonce = 5,
 *                   error_detail = 6 (google.rpc.Status), repeated resource_locators = 7 (ResourceLocator)
 * ```
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/discovery/v3/discovery.proto
 */
class SotwReading extends Reading<SotwRequest> {
  private readonly names = new NameList(this.limits)
  private version = ''

  protected readNames(most: number): number {
    return this.names.readOn(most)
  }

  protected get open(): boolean {
    return this.names.open
  }

  protected take(tag: number, reader: WireReader): number {
    if (tag === string(3)) this.names.addAll(reader, tag)
    else if (tag === string(1)) this.version = reader.string()
    else if (tag === string(2)) this.node = reader.bytes()
    else if (tag === string(4)) this.typeUrl = reader.string()
    else if (tag === string(5)) this.nonce = reader.string()
    else if (tag === string(6)) this.error = readStatus(reader.message())
    else if (tag === string(7)) {
      this.names.addLocator(reader)
      return 1
    } else reader.skip(tag)
    return 0
  }

  protected request(): SotwRequest {
    const { typeUrl, node, nonce, error, version } = this
    return { form: 'sotw', typeUrl, node, nonce, error, names: this.names.names, version }
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
class DeltaReading extends Reading<DeltaRequest> {
  private readonly subscribe = new NameList(this.limits)
  private readonly unsubscribe = new NameList(this.limits)
  private initialVersions: Map<string, string> | undefined

  protected readNames(most: number): number {
    return this.unsubscribe.readOn(this.subscribe.readOn(most))
  }

  protected get open(): boolean {
    return this.subscribe.open || this.unsubscribe.open
  }

  protected take(tag: number, reader: WireReader): number {
    const { subscribe, unsubscribe } = this
    if (tag === string(3)) subscribe.addAll(reader, tag, this.nameLength)
    else if (tag === string(4)) unsubscribe.addAll(reader, tag, this.nameLength)
    else if (tag === string(5)) {
      this.initialVersions ??= new Map()
      if (this.initialVersions.size >= this.limits.names) throw tooMany('initial_resource_versions', this.limits)
      readVersion(reader.message(), this.initialVersions, this.nameLength)
      return 1
    } else if (tag === string(1)) this.node = reader.bytes()
    else if (tag === string(2)) this.typeUrl = reader.string()
    else if (tag === string(6)) this.nonce = reader.string()
    else if (tag === string(7)) this.error = readStatus(reader.message())
    else if (tag === string(8) || tag === string(9)) {
      const list = tag === string(8) ? subscribe : unsubscribe
      list.addLocator(reader)
      return 1
    } else reader.skip(tag)
    return 0
  }

  protected request(): DeltaRequest {
    return {
      form: 'delta',
      typeUrl: this.typeUrl,
      node: this.node,
      nonce: this.nonce,
      error: this.error,
      subscribe: this.subscribe.names,
      unsubscribe: this.unsubscribe.names,
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

const NO_VERSIONS: ReadonlyMap<string, string> = new Map()

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
