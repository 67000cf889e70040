/** Replace `[from, to)` of a text by `insert`; offsets are UTF-16 units, as in JavaScript strings and CodeMirror changes. */
export interface Change {
  readonly from: number
  readonly to: number
  readonly insert: string
}

/** In order of place; an insertion stands before a deletion that starts at the same offset. */
function sortChanges(changes: readonly Change[]): Change[] {
  return [...changes].sort((a, b) => a.from - b.from || a.to - b.to)
}

/**
 * The text after `changes`, whose offsets all mean the text as given.
 * @throws RangeError when changes overlap or reach beyond the text
 */
export function applyChanges(text: string, changes: readonly Change[]): string {
  let out = ''
  let at = 0
  for (const { from, to, insert } of sortChanges(changes)) {
    if (from < at || to < from || to > text.length)
      throw new RangeError(`change ${from}..${to} overlaps or is out of 0..${text.length}`)
    out += text.slice(at, from) + insert
    at = to
  }
  return out + text.slice(at)
}

/** The changes that turn `applyChanges(text, changes)` back into `text`, byte for byte. */
export function invertChanges(text: string, changes: readonly Change[]): Change[] {
  let shift = 0
  return sortChanges(changes).map(({ from, to, insert }) => {
    const start = from + shift
    shift += insert.length - (to - from)
    return { from: start, to: start + insert.length, insert: text.slice(from, to) }
  })
}

/** Either a stretch of the original text or new text. */
type Piece = { readonly from: number; readonly to: number } | { readonly insert: string }

/** Groups of changes, each on the result of the one before, kept as one list of changes on the original text. */
export class ChangeLog {
  #pieces: Piece[]
  readonly #length: number

  constructor(length: number) {
    this.#length = length
    this.#pieces = length > 0 ? [{ from: 0, to: length }] : []
  }

  add(changes: readonly Change[]): void {
    const next: Piece[] = []
    const queue = sortChanges(changes)
    let offset = 0
    let done = 0
    for (const piece of this.#pieces) {
      const size = 'insert' in piece ? piece.insert.length : piece.to - piece.from
      let at = offset
      while (done < queue.length) {
        const change = queue[done]!
        if (change.from >= offset + size) break
        if (change.from > at) next.push(cut(piece, at - offset, change.from - offset))
        if (change.from >= offset && change.insert) next.push({ insert: change.insert })
        at = Math.max(at, Math.min(change.to, offset + size))
        if (change.to > offset + size) break
        done++
      }
      if (at < offset + size) next.push(cut(piece, at - offset, size))
      offset += size
    }
    for (; done < queue.length; done++) {
      const { from, insert } = queue[done]!
      if (from >= offset && insert) next.push({ insert })
    }
    this.#pieces = next
  }

  /** Sorted, not overlapping, offsets in the original text. */
  changes(): Change[] {
    const out: Change[] = []
    let at = 0
    let insert = ''
    const flush = (to: number) => {
      if (insert || to > at) out.push({ from: at, to, insert })
      insert = ''
    }
    for (const piece of this.#pieces) {
      if ('insert' in piece) insert += piece.insert
      else {
        flush(piece.from)
        at = piece.to
      }
    }
    flush(this.#length)
    return out
  }
}

function cut(piece: Piece, from: number, to: number): Piece {
  return 'insert' in piece ? { insert: piece.insert.slice(from, to) } : { from: piece.from + from, to: piece.from + to }
}
