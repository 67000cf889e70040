import { isUtf8 } from 'node:buffer'

/** The text of one YAML document: its own string, so that it does not keep the rest of the file in memory. */
export interface Piece {
  readonly text: string
  /** Lines of the file before this piece. */
  readonly line: number
}

/** Why bytes are no text, and where. Lines and columns count from 1. */
export interface EncodingProblem {
  readonly message: string
  readonly line: number
  readonly column: number
}

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
const DOT = 0x2e

/**
 * Checks that bytes are UTF-8 text without NUL; a UTF-8 byte order mark is fine.
 * YAML allows UTF-16 and UTF-32 too (YAML 1.2.2, 5.2); such a file gets a message that says how to save it.
 */
export function checkEncoding(bytes: Uint8Array): EncodingProblem | undefined {
  const [a, b] = [bytes[0], bytes[1]]
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return { message: 'the file is UTF-16, not UTF-8', line: 1, column: 1 }
  }
  const nul = bytes.indexOf(0)
  if (nul >= 0) {
    return { message: `the file is binary: a NUL byte stands at byte ${nul}`, ...placeOfByte(bytes, nul) }
  }
  if (isUtf8(bytes)) return undefined
  const bad = firstInvalidUtf8(bytes)
  const hex = bytes[bad]?.toString(16).padStart(2, '0')
  return { message: `invalid UTF-8 at byte ${bad} (0x${hex})`, ...placeOfByte(bytes, bad) }
}

/** Offset of the first byte of the first sequence that is not UTF-8 (Unicode 16, table 3-7); the length if there is none. */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  let i = 0
  while (i < bytes.length) {
    const lead = bytes[i] as number
    if (lead < 0x80) {
      i += 1
      continue
    }
    const size =
      lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0
    if (size === 0) return i
    const second = bytes[i + 1] ?? 0
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) return i
    for (let k = 2; k < size; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return i
    i += size
  }
  return bytes.length
}

function placeOfByte(bytes: Uint8Array, offset: number): { line: number; column: number } {
  let line = 1
  let start = 0
  for (let i = 0; i < offset; i++) {
    if (bytes[i] === LF || (bytes[i] === CR && bytes[i + 1] !== LF)) {
      line += 1
      start = i + 1
    }
  }
  return { line, column: Buffer.from(bytes.subarray(start, offset)).toString('utf8').length + 1 }
}

/**
 * Cuts a file into its documents, before anything is parsed. YAML forbids a line that begins with `---` or `...` inside
 * any value (YAML 1.2.2, 9.1.2 c-forbidden), so the cut is exact and an error in one document cannot reach another.
 * Pieces without content (blank, comments, a lone `---`) are left out. A line break that is a lone CR becomes LF.
 */
export function splitDocuments(bytes: Uint8Array): Piece[] {
  const data = withoutLoneCr(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const pieces: Piece[] = []
  let start = 0
  let startLine = 0
  let marked = false
  let content = false
  let directives = false
  let line = 0
  let at = 0
  const cut = (end: number) => {
    if (content || directives)
      pieces.push({ text: data.toString('utf8', start + bomLength(data, start), end), line: startLine })
    content = false
    directives = false
    marked = false
  }
  while (at < data.length) {
    const newline = data.indexOf(LF, at)
    const next = newline < 0 ? data.length : newline + 1
    const from = at + bomLength(data, at)
    const marker = markerAt(data, from)
    if (marker === DASH) {
      if (marked || content) {
        cut(at)
        start = at
        startLine = line
      }
      marked = true
      content = hasContent(data, from + 3, next)
    } else if (marker === DOT) {
      cut(at)
      start = next
      startLine = line + 1
    } else if (data[from] === 0x25 && !marked && !content) {
      directives = true
    } else if (!content) {
      content = hasContent(data, from, next)
    }
    at = next
    line += 1
  }
  cut(data.length)
  return pieces
}

function bomLength(data: Buffer, at: number): number {
  return data[at] === 0xef && data[at + 1] === 0xbb && data[at + 2] === 0xbf ? 3 : 0
}

/** `-` for a `---` line, `.` for a `...` line, else undefined. */
function markerAt(data: Buffer, at: number): number | undefined {
  const first = data[at]
  if ((first !== DASH && first !== DOT) || data[at + 1] !== first || data[at + 2] !== first) return undefined
  const after = data[at + 3]
  return after === undefined || after === 0x20 || after === 0x09 || after === LF || after === CR ? first : undefined
}

function hasContent(data: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = data[i]
    if (byte === 0x23) return false
    if (!isBlank(byte)) return true
  }
  return false
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === LF || byte === CR
}

function withoutLoneCr(data: Buffer): Buffer {
  let copy: Buffer | undefined
  for (let i = data.indexOf(CR); i >= 0; i = data.indexOf(CR, i + 1)) {
    if (data[i + 1] === LF) continue
    copy ??= Buffer.from(data)
    copy[i] = LF
  }
  return copy ?? data
}
