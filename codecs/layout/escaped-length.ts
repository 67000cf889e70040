import { FrameError } from '../contract.ts'
import { contentStart, type Escape, standing } from './escape.ts'

/** Where a search stopped, of the frame at `at` when `seen` bytes of it were there. */
interface Stop {
  readonly at: number
  readonly seen: number
  /** Nothing before it is to be looked at again: a byte that is not escaped stands there, or none yet. */
  readonly place: number
}

/** Escapes one behind the other that are counted again to know whether the last of them is one. */
const fewEscapes = 64

/**
 * The length of a frame that is escaped. Bytes seen at the last call are not looked at again: whether the first new one is escaped hangs on how many escapes stand
 * before it, and of a long row of them it is kept where the search stopped.
 */
export function escapedLength(rules: Escape, min: number, maxFrame: number) {
  const { ends, by, decoded } = rules
  const longest = Math.max(...ends.map(({ length }) => length))
  const special = new Uint8Array(256)
  for (const [first] of ends) special[first!] = 1
  if (by >= 0) special[by] = 1
  const stops = new WeakMap<Uint8Array, Stop>()

  const begin = (b: Uint8Array, at: number, from: number, seen: number): number => {
    const first = Math.max(from, at + seen - longest + 1)
    let p = first
    while (p > from && b[p - 1] === by && first - p < fewEscapes) p--
    if (p === from || b[p - 1] !== by) return p
    const stop = stops.get(b)
    return stop && stop.at === at && stop.seen === seen ? Math.max(from, stop.place) : from
  }

  return (b: Uint8Array, at: number, end: number, seen: number): number => {
    const from = contentStart(rules, b, at, end)
    if (from < 0) return FrameError.badMagic
    const stop = Math.min(end, at + maxFrame)
    let p = begin(b, at, from, seen)
    search: for (; p < stop; p++) {
      const byte = b[p]!
      if (special[byte] === 0) continue
      for (const bytes of ends) {
        const there = standing(b, p, stop, bytes)
        if (there === bytes.length) return p + there - at < min ? FrameError.belowHeader : p + there - at
        if (there > 0) break search
      }
      if (byte !== by) continue
      if (p + 1 >= stop) break
      if (decoded[b[p + 1]!]! < 0) return FrameError.malformed
      p++
    }
    if (end - at >= maxFrame) return FrameError.tooLong
    if (by >= 0) stops.set(b, { at, seen: end - at, place: Math.min(p, stop) })
    return Math.max(end - at + 1, min)
  }
}
