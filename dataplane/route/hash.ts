import { type Codec, emptyRef, type FieldInfo } from '../../codecs/contract.ts'
import { fieldValue } from '../../codecs/values.ts'
import { type Hash64, hashInto } from '../cluster/balance/xxhash64.ts'
import type { HashKey } from '../configuration.ts'
import { isInteger } from './condition.ts'

/** Writes the hash of a message into `out`. @returns false when the message has no key: the host is then drawn. */
export type Hasher = (buf: Uint8Array, at: number, length: number, clientIp: string, out: Hash64) => boolean

const ref = emptyRef()
const encoder = new TextEncoder()

/** Direct mapped: a player asks many times. */
const cacheSize = 4096

/**
 * The text of the first key the message has is hashed with xxHash64, as Envoy hashes a header's value, so that the same key meets the same
 * host there and here. @returns undefined without keys.
 */
export function compileHasher(codec: Codec, keys: readonly HashKey[]): Hasher | undefined {
  const hashers = keys.flatMap((key): Hasher[] => {
    if ('sourceIp' in key) return [ofAddress()]
    const info = codec.fields[codec.slot(key.field)]
    if (!info) return []
    return [isInteger(info) ? ofInteger(codec, info) : ofText(codec, info)]
  })
  const [first, second] = hashers
  if (!second) return first
  return (b, at, length, ip, out) => hashers.some((hash) => hash(b, at, length, ip, out))
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
  const lows = new Int32Array(cacheSize)
  const highs = new Int32Array(cacheSize)
  const hashLow = new Int32Array(cacheSize)
  const hashHigh = new Int32Array(cacheSize)
  const filled = new Uint8Array(cacheSize)
  return (b, at, length, _ip, out) => {
    if (!codec.read(slot, b, at, length, ref)) return false
    const { lo } = ref
    const hi = narrow ? 0 : ref.hi
    const place = (Math.imul(lo ^ hi, 0x9e3779b1 | 0) >>> 20) & (cacheSize - 1)
    if (filled[place] === 1 && lows[place] === lo && highs[place] === hi) {
      out.lo = hashLow[place]!
      out.hi = hashHigh[place]!
      return true
    }
    hashInto(encoder.encode(String(fieldValue(info, b, ref))), out)
    filled[place] = 1
    lows[place] = lo
    highs[place] = hi
    hashLow[place] = out.lo
    hashHigh[place] = out.hi
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
