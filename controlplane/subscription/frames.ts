import { createHash } from 'node:crypto'
import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import type { Form } from './request.ts'
import { FULL_SET_TYPES, responseCost, writeResponse } from './response.ts'

/** What is remembered of a response when it is answered, without what was in it; one for all streams. */
export interface Mark {
  /** Grows with every response built, over all classes and types: on one stream every response has a greater one. */
  readonly serial: number
  /** `serial` as it is on the wire. Streams in the same state see equal nonces. */
  readonly nonce: string
}

/** One response, encoded once and shared by all streams in the same state. */
export interface Frame extends Mark {
  readonly type: ResourceType
  readonly mark: Mark
  /** Position of the type's log it was built from. */
  readonly position: number
  /** Encoded, with the transport's headroom in front. */
  readonly bytes: Buffer
  readonly upserts: readonly Resource[]
  readonly removed: readonly string[]
  /** Clients that accepted it: evidence that what is in it is fine. */
  acks: number
}

/** How frames are made; the same for all streams of a server. */
export interface FrameOptions {
  /** Free bytes in front of each response for the transport. */
  readonly headroom: number
  /** Fills the headroom, once per frame. */
  seal(frame: Buffer): void
  /** Shown to clients as the control plane's name. */
  readonly identifier: string
  /** Goes before positions in version texts, so that those of different processes never look equal. */
  readonly boot: string
  /** Responses are cut into several at about this size, where the protocol allows it. */
  readonly responseBytes: number
}

let lastSerial = 0

/** Frames of one type of one class at its present position. */
export class FrameCache {
  private readonly known = new Map<string, readonly Frame[]>()
  private bytes = 0

  /** Everything in here was built from a state that is no more. */
  clear(): void {
    this.known.clear()
    this.bytes = 0
  }

  /**
   * The frames for a batch: the ones another stream got, if they are newer than what this stream has seen; nonces on a
   * stream never repeat.
   * @param key what the batch depends on; undefined for a batch no other stream will want
   */
  get(key: string | undefined, newerThan: number, build: () => readonly Frame[]): readonly Frame[] {
    if (key === undefined) return build()
    const known = this.known.get(key)
    if (known && (known.length === 0 || known[0]!.serial > newerThan)) return known
    const frames = build()
    if (known) this.bytes -= sizeOf(known)
    this.known.delete(key)
    this.known.set(key, frames)
    this.bytes += sizeOf(frames)
    for (const [oldest, old] of this.known) {
      if (this.bytes <= MOST_CACHED || oldest === key) break
      this.known.delete(oldest)
      this.bytes -= sizeOf(old)
    }
    return frames
  }
}

/** Bytes kept for streams that may ask the same later; frames on their way live as long as they need anyway. */
const MOST_CACHED = 16 * 1024 * 1024

function sizeOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, frame) => sum + frame.bytes.length, 0)
}

/** A batch as one frame or, where a response need not be complete, as several of bounded size. Never none. */
export function buildFrames(
  form: Form,
  type: ResourceType,
  batch: { readonly upserts: readonly Resource[]; readonly removed: readonly string[]; readonly position: number },
  options: FrameOptions,
): readonly Frame[] {
  const { upserts, removed, position } = batch
  const limit = ALONE.has(type) ? 0 : options.responseBytes
  const full = form === 'sotw' && FULL_SET_TYPES.has(type)
  const parts = full ? [upserts] : cut(upserts, limit)
  return parts.map((part, index) => {
    const serial = ++lastSerial
    const nonce = serial.toString(36)
    const gone = index === 0 ? removed : []
    const bytes = writeResponse(
      form,
      {
        typeUrl: TYPE_URL[type],
        upserts: part,
        removed: gone,
        version: full ? fullSetVersion(upserts) : `${options.boot}-${position}`,
        nonce,
        identifier: options.identifier,
      },
      options.headroom,
    )
    options.seal(bytes)
    const mark = { serial, nonce }
    return { type, mark, serial, nonce, position, bytes, upserts: part, removed: gone, acks: 0 }
  })
}

/**
 * What a full set is called: by its content, so that a client that comes back, perhaps to another replica, tells with the name which set
 * it holds. Other responses to state-of-the-world clients hold a part only, and their version tells nothing of the rest.
 */
export function fullSetVersion(resources: readonly Resource[]): string {
  const hash = createHash('sha256')
  for (const { name, version } of resources) hash.update(`${name}\0${version}\0`)
  return hash.digest('base64url').slice(0, 22)
}

/**
 * One resource per response. When Envoy refuses a secret, because a file of its machine cannot be read, it takes nothing else of
 * that response, and starts every cluster that still waits for a secret of it without one: their requests fail until it comes.
 * And it keeps what it refused, and takes the same without a word when it comes again, so that the culprit among several would
 * never be found (https://github.com/envoyproxy/envoy/blob/main/source/common/secret/sds_api.cc, `onConfigUpdate`).
 */
const ALONE: ReadonlySet<ResourceType> = new Set(['sds'])

function cut(upserts: readonly Resource[], limit: number): readonly (readonly Resource[])[] {
  const parts: Resource[][] = [[]]
  let size = 0
  for (const resource of upserts) {
    const cost = responseCost(resource)
    if (size > 0 && size + cost > limit) {
      parts.push([])
      size = 0
    }
    parts.at(-1)!.push(resource)
    size += cost
  }
  return parts
}
