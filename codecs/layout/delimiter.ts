/** Bytes that end a text or a frame. */

/** No delimiter is longer, in bytes. */
const longestDelimiter = 16

/**
 * Texts that a frame's length hangs on are no longer, in bytes: they are searched from their start again with every piece that comes, until their end is
 * there.
 */
export const longestHeaderText = 4096

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', s: ' ', '0': '\0', '\\': '\\' }

/**
 * The bytes of a delimiter as a document writes it: its text in UTF-8, with `\n`, `\r`, `\t`, `\s`, `\0`, `\\` and `\x01`; or one byte as a number.
 * @returns undefined when it is none, as an empty one
 */
export function delimiterBytes(written: string | number): Uint8Array | undefined {
  if (typeof written === 'number') return Uint8Array.of(written)
  const bytes: number[] = []
  for (const [all, hex, plain] of written.matchAll(/\\x([\da-f]{2})|([^\\]+)|\\.?/gis)) {
    const meant = escapes[all.slice(1)]
    if (hex) bytes.push(Number.parseInt(hex, 16))
    else if (plain) bytes.push(...new TextEncoder().encode(plain))
    else if (meant === undefined) return undefined
    else bytes.push(meant.charCodeAt(0))
  }
  return bytes.length >= 1 && bytes.length <= longestDelimiter ? Uint8Array.from(bytes) : undefined
}

/** Where the delimiter first stands in `b[from..end)`, whole; -1 when it does not. */
export function seek(b: Uint8Array, from: number, end: number, delimiter: Uint8Array): number {
  const first = delimiter[0]
  const size = delimiter.length
  for (let p = from; p + size <= end; p++) {
    if (b[p] !== first) continue
    let i = 1
    while (i < size && b[p + i] === delimiter[i]) i++
    if (i === size) return p
  }
  return -1
}

/** Where the first of several delimiters begins, whole; -1 when none is there. `out.size` is then how many bytes it has. Looks at each byte once. */
export function seekAny(
  b: Uint8Array,
  from: number,
  end: number,
  delimiters: readonly Uint8Array[],
  out: Found,
): number {
  for (let p = from; p < end; p++)
    for (let d = 0; d < delimiters.length; d++) {
      const delimiter = delimiters[d]!
      const size = delimiter.length
      if (b[p] !== delimiter[0] || p + size > end) continue
      let i = 1
      while (i < size && b[p + i] === delimiter[i]) i++
      if (i < size) continue
      out.size = size
      return p
    }
  return -1
}

export interface Found {
  size: number
}

/** Frames that end with a delimiter, `frame: {until: "\n"}`. */

export interface Delimiter {
  /** Any of them, the longest first. */
  readonly ends: readonly Uint8Array[]
  /** The one that frames of the proxy get: the first in the document. */
  readonly bytes: Uint8Array
  /** Bytes at the start of a frame that the delimiter is not looked for in: a header of numbers, which may have it by chance. */
  readonly from: number
}
