import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { Frame } from './frames.ts'

/** One thing that was said on a stream: a response of ours, or the client's answer to it. */
export interface Exchange {
  readonly type: ResourceType
  readonly event: 'sent' | 'ack' | 'nack'
  /** ms since 1970. */
  readonly at: number
  /** Of the response; an answer to it also answers those before it. */
  readonly nonce: string
  /** Resources in the response. */
  readonly resources: number
  /** Names the response takes away. */
  readonly removed: number
  /** What the client said about why it refuses. */
  readonly message?: string
}

const EVENTS = ['sent', 'ack', 'nack'] as const
/** How many are remembered of a stream. */
const MOST = 40
/** Numbers of one entry: time, serial with type and event, resources with removed ones. */
const WORDS = 3
const KINDS = 64
const COUNT = 2 ** 24
/** Refusals whose words are remembered. */
const MOST_TEXTS = 4
/** Room for some more. A list of numbers takes half of what a typed array takes that is so short, and no memory beside the heap. */
const ROOM: readonly number[] = Array.from({ length: 8 * WORDS }, () => 0.5)

/** The last exchanges of a stream, as numbers: there are thousands of streams, and hardly anybody looks. */
export class Exchanges {
  private words: number[] = []
  private count = 0
  private texts: { readonly nonce: string; readonly message: string }[] | undefined

  /** A response went out at `now`, in ms. */
  sent(frame: Frame, now: number): void {
    this.note(frame, 0, now)
  }

  /** @param refusal what the client says when it refuses the response */
  answered(frame: Frame, refusal: string | undefined, now: number): void {
    this.note(frame, refusal === undefined ? 1 : 2, now)
    if (refusal === undefined) return
    this.texts ??= []
    this.texts.push({ nonce: frame.nonce, message: refusal })
    if (this.texts.length > MOST_TEXTS) this.texts.shift()
  }

  /** Newest first. */
  list(): readonly Exchange[] {
    const found: Exchange[] = []
    for (let i = this.count - 1; i >= Math.max(0, this.count - MOST); i--) {
      const at = (i % MOST) * WORDS
      const word = this.words[at + 1]!
      const counts = this.words[at + 2]!
      const kind = word % KINDS
      const nonce = Math.floor(word / KINDS).toString(36)
      const event = EVENTS[kind % 3]!
      const message = event === 'nack' ? this.texts?.find((one) => one.nonce === nonce)?.message : undefined
      found.push({
        type: RESOURCE_TYPES[Math.floor(kind / 3)]!,
        event,
        at: this.words[at]!,
        nonce,
        resources: counts % COUNT,
        removed: Math.floor(counts / COUNT),
        ...(message === undefined ? {} : { message }),
      })
    }
    return found
  }

  private note({ type, serial, upserts, removed }: Frame, event: number, now: number): void {
    const at = (this.count++ % MOST) * WORDS
    if (at >= this.words.length) this.words = this.words.concat(ROOM)
    this.words[at] = now
    this.words[at + 1] = serial * KINDS + RESOURCE_TYPES.indexOf(type) * 3 + event
    this.words[at + 2] = upserts.length + removed.length * COUNT
  }
}
