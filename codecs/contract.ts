/**
 * What the proxy knows of a protocol. A codec is stateless and synchronous: every function works on bytes the caller owns,
 * keeps nothing, and (but for those that say so) allocates nothing. `at` is the index of a frame's first byte in `buf`.
 */

export const FrameKind = {
  /** Expects a reply with the same id (or, in an ordered protocol, the next reply). */
  request: 1,
  response: 2,
  /** No reply follows. */
  oneway: 3,
  /** A sign of life that wants an answer. */
  heartbeat: 4,
  heartbeatReply: 5,
  /** Belongs to no request; may come from either side. Forwarded in bound mode only. */
  push: 6,
  /** The sender takes no new requests on this connection. */
  goaway: 7,
  /** Sets up the session of one connection. Forwarded in bound mode. */
  handshake: 8,
  /** The frame does not say: a request from the client, a response from the upstream. */
  either: 9,
  /** Compressed or encrypted: what it is cannot be read. Passes on bound connections; in other modes nobody could answer it, and its client's connection ends. */
  opaque: 10,
  /** Ends the client's request that has the frame's id: no reply to it is wanted any more. */
  cancel: 11,
} as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]
export type FrameKindName = keyof typeof FrameKind
/** In the order of their numbers. */
export const frameKindNames = Object.keys(FrameKind) as readonly FrameKindName[]

/** Why bytes are no frame. Negative, so that they share a number with lengths; the connection they came from is to be closed. */
export const FrameError = {
  /** The announced length is shorter than the protocol's header. */
  belowHeader: -1,
  /** The announced length is above `maxFrame`. */
  tooLong: -2,
  /** A fixed value (magic, version) is not there. */
  badMagic: -3,
  /** A length, varint or nesting that no valid frame has. */
  malformed: -4,
  /** No variant of the layout fits. */
  unknownVariant: -5,
  unknownKind: -6,
  /** The bytes that every frame ends with are not there. */
  badEnd: -7,
} as const
export type FrameError = (typeof FrameError)[keyof typeof FrameError]
export type FrameErrorName = keyof typeof FrameError

/** The name of a negative result of `frameLength` or `inspect`, for logs and metrics. */
export function frameErrorName(code: number): FrameErrorName | undefined {
  return (Object.keys(FrameError) as FrameErrorName[]).find((name) => FrameError[name] === code)
}

/**
 * exclusive: one request at a time on a pooled connection. bound: one upstream connection per client connection and host.
 * shared: few upstream connections for all clients, ids rewritten.
 */
export const connectionModes = ['shared', 'bound', 'exclusive'] as const
export type ConnectionMode = (typeof connectionModes)[number]

/**
 * Bits an id must have to say which of the proxy's requests it is: 17 do, and fewer than 8 beside them would repeat an id while a reply to its
 * former owner may still come. Of narrower ids each shared connection keeps book.
 */
export const sharedIdBits = 25

/** What `inspect` fills in. One object is reused for all frames. */
export interface Frame {
  kind: number
  /**
   * Halves of the id as int32 bit patterns, both 0 where a frame has none. Of ids of up to 32 bits idHi is 0, or, where a frame has a second one
   * (an envelope and the message in it), in which bits that one differs: what is written with idHi 0 is the same in both places.
   */
  idLo: number
  idHi: number
  /**
   * Bytes of the frame before its one id, where that has 4 bytes, the highest first, and nothing else in the frame hangs on it: who asked may write
   * another one there (`putId`). Whoever asks sets -1 before; codecs may leave it, and are asked by `writeId` then.
   */
  idAt: number
  /** Status code of a response as on the wire, 0 where there is none. */
  status: number
  /** 1 when a response is an error reply (what outlier detection counts), else 0. */
  error: number
  /** How long the client says it waits, in ms; 0 when the frame does not say. */
  timeout: number
  /**
   * 1 when further frames of the same reply follow this one, which then is no reply yet but a part of it; else 0. Whoever asks sets 0 before; codecs
   * may leave it.
   */
  more: number
}

/** A frame to give to `inspect`. */
export function emptyFrame(): Frame {
  return { kind: 0, idLo: 0, idHi: 0, idAt: -1, status: 0, error: 0, timeout: 0, more: 0 }
}

/** Writes an id of 4 bytes at an index, as `writeId` would where `Frame.idAt` says that it stands there. */
export function putId(b: Uint8Array, at: number, id: number): void {
  b[at] = id >>> 24
  b[at + 1] = id >>> 16
  b[at + 2] = id >>> 8
  b[at + 3] = id
}

/** Where and what a field is. `start`..`end` are the bytes of its value in `buf`; of an integer also its value as int32 halves. */
export interface FieldRef {
  start: number
  end: number
  lo: number
  hi: number
}

/** A place to give to `read`. */
export function emptyRef(): FieldRef {
  return { start: 0, end: 0, lo: 0, hi: 0 }
}

/** `number`: integers up to 32 bits. `bigint`: 64 bits. `string`: UTF-8. */
export type FieldType = 'number' | 'bigint' | 'string' | 'bytes'
export type FieldValue = number | bigint | string | Uint8Array

export interface FieldInfo {
  readonly name: string
  readonly slot: number
  readonly type: FieldType
  /** Integers: whether `lo`/`hi` are two's complement. */
  readonly signed: boolean
  /** Integers: how many bits a value has at most, where those are fewer than the 32 or 64 of the type. */
  readonly bits?: number
  /** Whether `mutate` can change it. */
  readonly writable: boolean
  /** Names of values, for people: decode, access log, matches by name. */
  readonly values?: Readonly<Record<string, number>>
  /** What the field is to the codec; plain fields have none. */
  readonly role?: 'length' | 'check' | 'kind' | 'id' | 'status' | 'timeout' | 'flags' | 'checksum'
  readonly doc?: string
  /** The number right in front of the value that says how long it is, where it always has as many bytes; for people. */
  readonly prefix?: { readonly bytes: number; readonly le: boolean }
}

/** One change of a frame; `undefined` takes an entry out of a map or an optional field out of a frame. */
export interface Edit {
  readonly slot: number
  readonly value: FieldValue | undefined
}

/** Frames the proxy makes itself: an error reply or an answer to a heartbeat (from a request), a goaway, a ping to an upstream. */
export const replyKinds = ['error', 'heartbeat', 'goaway', 'ping'] as const
export type ReplyKind = (typeof replyKinds)[number]

/** Why the proxy itself answers; each protocol maps them to its own codes. */
export const errorReasons = [
  'noRoute',
  'noUpstream',
  'connectFailed',
  'upstreamClosed',
  'timeout',
  'overflow',
  'rateLimited',
  'fault',
  'draining',
  'badRequest',
] as const
export type ErrorReason = (typeof errorReasons)[number]

/** Who sends a frame. */
export const frameSides = ['client', 'upstream'] as const
export type FrameSide = (typeof frameSides)[number]

/** The codec for frames of that side. */
export function codecOfSide(codec: Codec, side: FrameSide): Codec {
  return side === 'upstream' ? (codec.upstream ?? codec) : codec
}

export interface Codec {
  readonly name: string
  /** No frame is shorter, in bytes. */
  readonly headerMin: number
  /** No frame is longer, in bytes. Always finite: nobody can make the proxy wait for more. */
  readonly maxFrame: number
  /** Modes the protocol allows, the preferred one first. */
  readonly modes: readonly ConnectionMode[]
  /**
   * Frames end where something is found. While it is not, `frameLength` asks for one byte more: who collects a frame gives it what came, which may be more
   * than that.
   */
  readonly delimited?: true
  /** Replies come in the order of the requests and carry no id. */
  readonly ordered: boolean
  /** A reply may have several frames: `inspect` says of each whether more follow (`Frame.more`). */
  readonly parted?: true
  /** A client may end its requests by a frame (`cancel`). */
  readonly cancels?: true
  /** Width of the id the proxy may write, 0 when it cannot. `shared` needs one. */
  readonly idBits: number
  /** How many ids there are, from 0 on, where they are not 2^`idBits`: ids of decimal digits. */
  readonly idCount?: number
  /** Ids that mean something else (as "no reply"), as read: the proxy gives none of them. */
  readonly reservedIds?: readonly number[]
  /**
   * The upstream speaks before its client does: it is chosen and opened when a client comes, by a route that asks for nothing, and is the client's for as long as
   * both live. Bound connections only. Absent: the client.
   */
  readonly speaksFirst?: 'upstream'
  /** All fields declared, `fields[slot].slot === slot`. Grows only by `slot()`. */
  readonly fields: readonly FieldInfo[]
  /** What `reply` can make. */
  readonly replies: readonly ReplyKind[]
  /** The protocol's code for each of our reasons. */
  readonly errorCodes: Readonly<Record<ErrorReason, number>>
  /**
   * How frames that come from the upstream are read, where they are laid out otherwise than a client's and do not say whose they are; this
   * codec then reads a client's. Its slots are its own. Frames of `reply` are laid out for who gets them. Absent: this codec reads both.
   */
  readonly upstream?: Codec
  /** Slot of the field that holds a W3C `traceparent` (text), or a trace id (16 bytes, or 32 hex digits). Absent: the protocol has none. */
  readonly trace?: number

  /** The slot of a field, -1 if there is none. `map.key` makes a slot for an entry of a key-value map; call it at load, not per message. */
  slot(name: string): number

  /**
   * How long the frame at `at` is, in bytes, given that `buf` is filled up to `end` (exclusive).
   * n > 0 and n <= end - at: the whole frame is there and is n bytes long.
   * n > end - at: incomplete; call again when n bytes are there (the frame may turn out longer, never above `maxFrame`).
   * n < 0: a `FrameError`, found before any memory would be taken for the frame. Never 0.
   *
   * `seen`: so many of these bytes were there when it was asked for the same frame before, and it asked for more; who does not know says 0.
   * The answer is the same, a codec that looks for the end of the frame (`delimited`) need only not look at them again.
   */
  frameLength(buf: Uint8Array, at: number, end: number, seen?: number): number

  /** Reads kind, id and status of a whole frame into `out`. @returns 0, or a negative `FrameError`. */
  inspect(buf: Uint8Array, at: number, length: number, out: Frame): number

  /** Finds a field without allocating. @returns false when this frame does not have it. */
  read(slot: number, buf: Uint8Array, at: number, length: number, out: FieldRef): boolean

  /** The field's value (allocates for strings and 64-bit integers; bytes are a view), undefined when the frame does not have it. */
  field(slot: number, buf: Uint8Array, at: number, length: number): FieldValue | undefined

  /**
   * Writes an id over the frame's own, in place. Absent when the protocol has no id that can be written. @returns false, with
   * nothing changed, when the frame has no id or the new one takes another number of bytes: then `spliceId` helps.
   */
  writeId?(buf: Uint8Array, at: number, length: number, lo: number, hi: number): boolean

  /** A new frame with another id. Only for ids of variable width. Allocates. undefined when the frame has no id or the id does not fit. */
  spliceId?(buf: Uint8Array, at: number, length: number, lo: number, hi: number): Uint8Array | undefined

  /** A new frame with fields changed and all lengths put right; undefined when one of them cannot be written in this frame. */
  mutate?(buf: Uint8Array, at: number, length: number, edits: readonly Edit[]): Uint8Array | undefined

  /**
   * A frame of our own: for `error` and `heartbeat` made from the request at `at`, for `goaway` and `ping` `length` may be 0.
   * `code` is the protocol's (see `errorCodes`). undefined when the protocol has no such frame: close the connection instead.
   */
  reply?(
    kind: ReplyKind,
    buf: Uint8Array,
    at: number,
    length: number,
    code: number,
    message: string,
  ): Uint8Array | undefined
}
