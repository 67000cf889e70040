import { WIRE, WireError, WireReader } from '../subscription/wire.ts'
import { clusterOfStatName } from '../xds/names.ts'
import { bytes, readDuration, varint } from './wire-fields.ts'

/** One request or one TCP connection, as far as it is counted. */
export interface AccessEntry {
  readonly kind: 'http' | 'tcp'
  /** Empty when none was chosen. */
  readonly cluster: string
  readonly routeName: string
  /** What the request was for; read only of requests for which there was no cluster (NC), else empty. */
  readonly authority: string
  /** Port of the listener that took the connection; read only of those for which there was no cluster (NC), else 0. */
  readonly port: number
  /** 0 when there was no answer, and for TCP. */
  readonly status: number
  /** Envoy's short names: `UH`, `NC`, … */
  readonly flags: readonly string[]
  readonly durationMs: number
  /** Bytes from and to the client; TCP only. */
  readonly received: number
  readonly sent: number
}

const ENTRIES_IN_A_MESSAGE = 100_000
const NAME_LENGTH = 1024
/** Envoy takes headers of up to 60 KiB. */
const AUTHORITY_LENGTH = 64 * 1024

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage by field number of `ResponseFlags`. */
const FLAGS: readonly (string | undefined)[] = [
  undefined,
  'LH',
  'UH',
  'UT',
  'LR',
  'UR',
  'UF',
  'UC',
  'UO',
  'NR',
  'DI',
  'FI',
  'RL',
  'UAEX',
  'RLSE',
  'DC',
  'URX',
  'SI',
  'IH',
  'DPE',
  'UMSDR',
  'RFCF',
  'NFCF',
  'DT',
  'UPE',
  'NC',
  'OM',
  'DF',
  'DR',
]

/**
 * The node of a message, which only the first one of a stream has.
 * ```
 * StreamAccessLogsMessage: identifier = 1 (Identifier: node = 1, log_name = 2), http_logs = 2, tcp_logs = 3
 * ```
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/accesslog/v3/als.proto
 * @throws WireError
 */
export function readAccessLogNode(message: Buffer): Buffer | undefined {
  const reader = new WireReader(message)
  let node: Buffer | undefined
  while (!reader.done) {
    const tag = reader.tag()
    if (tag !== bytes(1)) {
      reader.skip(tag)
      continue
    }
    const identifier = reader.message()
    while (!identifier.done) {
      const inner = identifier.tag()
      if (inner === bytes(1)) node = identifier.bytes()
      else identifier.skip(inner)
    }
  }
  return node
}

/**
 * Entries one after the other, one for each request; by hand, because a busy proxy logs thousands a second and most of an entry is not counted.
 * ```
 * HTTPAccessLogEntries: repeated log_entry = 1 (HTTPAccessLogEntry: common_properties = 1, request = 3, response = 4)
 * TCPAccessLogEntries:  repeated log_entry = 1 (TCPAccessLogEntry: common_properties = 1, connection_properties = 2)
 * ```
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/data/accesslog/v3/accesslog.proto
 * @throws WireError
 */
export function readAccessEntries(message: Buffer): readonly AccessEntry[] {
  const reader = new WireReader(message)
  const entries: AccessEntry[] = []
  while (!reader.done) {
    const tag = reader.tag()
    if (tag !== bytes(2) && tag !== bytes(3)) {
      reader.skip(tag)
      continue
    }
    const kind = tag === bytes(2) ? 'http' : 'tcp'
    const list = reader.message()
    while (!list.done) {
      const inner = list.tag()
      if (inner !== bytes(1)) list.skip(inner)
      else if (entries.length >= ENTRIES_IN_A_MESSAGE)
        throw new WireError(`more than ${ENTRIES_IN_A_MESSAGE} entries in a message`)
      else {
        const entry = readEntry(list.message(), kind)
        if (entry) entries.push(entry)
      }
    }
  }
  return entries
}

type Draft = { -readonly [Key in keyof AccessEntry]: AccessEntry[Key] }

const NO_FLAGS: readonly string[] = []

/**
 * How Envoy calls a request that it takes up once more, as it does when its virtual host came on demand: that one has an entry of its own.
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
 */
const TAKEN_UP_AGAIN = Buffer.from('internal_redirect')

function readEntry(reader: WireReader, kind: AccessEntry['kind']): AccessEntry | undefined {
  const entry: Draft = {
    kind,
    cluster: '',
    routeName: '',
    authority: '',
    port: 0,
    status: 0,
    flags: NO_FLAGS,
    durationMs: 0,
    received: 0,
    sent: 0,
  }
  let request: WireReader | undefined
  let isAnswered = true
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(1)) readCommon(reader.message(), entry)
    else if (tag === bytes(3) && kind === 'http') request = reader.message()
    else if (tag === bytes(4) && kind === 'http') isAnswered = readResponse(reader.message(), entry)
    else if (tag === bytes(2) && kind === 'tcp') readConnection(reader.message(), entry)
    else reader.skip(tag)
  }
  if (!isAnswered) return undefined
  if (!entry.flags.includes('NC')) entry.port = 0
  else if (request) entry.authority = readAuthority(request)
  return entry
}

/** HTTPRequestProperties: authority = 3 */
function readAuthority(reader: WireReader): string {
  let authority = ''
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(3)) authority = reader.string(AUTHORITY_LENGTH)
    else reader.skip(tag)
  }
  return authority
}

/**
 * ```
 * AccessLogCommon: downstream_local_address = 3, time_to_last_downstream_tx_byte = 12, upstream_cluster = 15,
 *                  response_flags = 16, route_name = 19, duration = 23
 * ```
 */
function readCommon(reader: WireReader, entry: Draft): void {
  let whole: number | undefined
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(3) && entry.kind === 'tcp') entry.port = readPort(reader.message())
    else if (tag === bytes(15)) entry.cluster = clusterOfStatName(reader.string(NAME_LENGTH))
    else if (tag === bytes(16)) entry.flags = readFlags(reader.message())
    else if (tag === bytes(19)) entry.routeName = reader.string(NAME_LENGTH)
    else if (tag === bytes(23)) whole = readDuration(reader.message())
    else if (tag === bytes(12)) entry.durationMs = readDuration(reader.message())
    else reader.skip(tag)
  }
  if (whole !== undefined) entry.durationMs = whole
}

/** Address: socket_address = 1 (SocketAddress: port_value = 3); 0 for any other kind of address. */
function readPort(reader: WireReader): number {
  let port = 0
  while (!reader.done) {
    const tag = reader.tag()
    if (tag !== bytes(1)) {
      reader.skip(tag)
      continue
    }
    const address = reader.message()
    while (!address.done) {
      const inner = address.tag()
      if (inner === varint(3)) port = address.varint()
      else address.skip(inner)
    }
  }
  return port
}

function readFlags(reader: WireReader): readonly string[] {
  const flags: string[] = []
  while (!reader.done) {
    const tag = reader.tag()
    const name = FLAGS[tag >>> 3]
    // All are booleans but `unauthorized_details`, a message that is there or not.
    const isNumber = (tag & 7) === WIRE.varint
    const set = isNumber ? reader.varint() !== 0 : true
    if (!isNumber) reader.skip(tag)
    if (set && name !== undefined && !flags.includes(name)) flags.push(name)
  }
  return flags
}

/**
 * HTTPResponseProperties: response_code = 1 (UInt32Value: value = 1), response_code_details = 6
 * @returns false when the request was taken up again
 */
function readResponse(reader: WireReader, entry: Draft): boolean {
  let isAnswered = true
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(6)) isAnswered = !reader.bytes().equals(TAKEN_UP_AGAIN)
    else if (tag === bytes(1)) entry.status = readNumber(reader.message())
    else reader.skip(tag)
  }
  return isAnswered
}

function readNumber(reader: WireReader): number {
  let number = 0
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === varint(1)) number = reader.varint()
    else reader.skip(tag)
  }
  return number
}

/** ConnectionProperties: received_bytes = 1, sent_bytes = 2 */
function readConnection(reader: WireReader, entry: Draft): void {
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === varint(1)) entry.received = reader.varint()
    else if (tag === varint(2)) entry.sent = reader.varint()
    else reader.skip(tag)
  }
}
