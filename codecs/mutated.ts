/** A small generator of numbers, so that a run can be repeated: at least 0, below n. */
export type Random = (n: number) => number

/** The same numbers for the same seed, on every machine. */
export function random(seed: number): Random {
  let state = seed >>> 0
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x2a, 0x24, 0x4e, 0x52, 0x53]

/** Some frames of the corpus behind each other, with a few bytes changed, cut out, doubled, or replaced by noise. */
export function mutated(corpus: readonly Uint8Array[], any: Random): Uint8Array {
  let bytes = new Uint8Array(Buffer.concat(Array.from({ length: 1 + any(5) }, () => corpus[any(corpus.length)]!)))
  for (let n = any(4); n > 0; n--) {
    const at = any(bytes.length)
    const action = any(10)
    if (action < 5) bytes[at] = action < 3 ? interesting[any(interesting.length)]! : any(256)
    else if (action < 6) bytes[at]! ^= 1 << any(8)
    else if (action < 7) bytes = bytes.slice(0, at + 1)
    else if (action < 8)
      bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(any(bytes.length))]))
    else if (action < 9) for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = any(2) * 255
    else bytes = Uint8Array.from({ length: 1 + any(200) }, () => any(256))
    if (bytes.length === 0) bytes = Uint8Array.of(any(256))
  }
  return bytes
}
