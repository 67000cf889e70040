import { type Codec, emptyRef, type FieldInfo } from '../../codecs/contract.ts'
import { fieldValue, isInteger } from '../../codecs/values.ts'
import { type Hash64, hashInto } from '../cluster/balance/xxhash64.ts'
import type { HashKey } from '../configuration.ts'

/** Writes the hash of a message into `out`. @returns false when the message has no key: the host is then drawn. */
export type Hasher = (buf: Uint8Array, at: number, length: number, clientIp: string, out: Hash64) => boolean

const ref = emptyRef()
const encoder = new TextEncoder()

/** Entries of a field's cache, direct mapped: a player asks many times. A power of two. */
const cacheBits = 14

/** A field's hash is the same whichever route asks for it, so all routes share its cache. */
const ofField = new WeakMap<Codec, Map<number, Hasher>>()

/**
 * The text of the first key the message has is hashed with xxHash64, as Envoy hashes a header's value, so that the same key meets the same
 * host there and here. @returns undefined without keys.
 */
export function compileHasher(codec: Codec, keys: readonly HashKey[]): Hasher | undefined {
  const hashers = keys.flatMap((key): Hasher[] => {
    if ('sourceIp' in key) return [ofAddress()]
    const info = codec.fields[codec.slot(key.field)]
    if (!info) return []
    return [shared(codec, info)]
  })
  const [first, second] = hashers
  if (!second) return first
  return (b, at, length, ip, out) => hashers.some((hash) => hash(b, at, length, ip, out))
}

function shared(codec: Codec, info: FieldInfo): Hasher {
  let known = ofField.get(codec)
  if (!known) {
    known = new Map()
    ofField.set(codec, known)
  }
  let hasher = known.get(info.slot)
  if (!hasher) {
    hasher = isInteger(info) ? ofInteger(codec, info) : ofText(codec, info)
    known.set(info.slot, hasher)
  }
  return hasher
}

function ofText(codec: Codec, { slot }: FieldInfo): Hasher {
  return (b, at, length, _ip, out) => {
    if (!codec.read(slot, b, at, length, ref)) return false
    hashInto(b.subarray(ref.start, ref.end), out)
    return true
  }
}

function ofInteger(codec: Codec, info: FieldInfo): Hasher {
  const { slot } = info
  const narrow = info.type === 'number'
  // An entry lies in one piece: low and high half of the value, of the hash.
  const cells = new Int32Array(4 << cacheBits)
  // Empty ones say 0, whose place is the first: there another value stands for nothing.
  cells[0] = 1
  return (b, at, length, _ip, out) => {
    if (!codec.read(slot, b, at, length, ref)) return false
    const { lo } = ref
    const hi = narrow ? 0 : ref.hi
    const cell = (Math.imul(lo ^ Math.imul(hi, 0x85ebca6b | 0), 0x9e3779b1 | 0) >>> (32 - cacheBits)) << 2
    if (cells[cell] === lo && cells[cell + 1] === hi) {
      out.lo = cells[cell + 2]!
      out.hi = cells[cell + 3]!
      return true
    }
    hashInto(encoder.encode(String(fieldValue(info, b, ref))), out)
    cells[cell] = lo
    cells[cell + 1] = hi
    cells[cell + 2] = out.lo
    cells[cell + 3] = out.hi
    return true
  }
}

function ofAddress(): Hasher {
  return (_b, _at, _length, ip, out) => {
    if (ip === '') return false
    hashInto(encoder.encode(ip), out)
    return true
  }
}
