import type { Segment } from './documents.ts'
import { Refusal } from './errors.ts'
import { extendedEnd, leadingStart, lineAt, nextLine } from './lines.ts'
import { type Parsed, parseSegment } from './parse.ts'
import type { Tree } from './tree.ts'
import { isEmptyList, MAY_HOLD_LIST } from './units.ts'

/** An alias may need another item, and a text that keeps the blank lines behind it (`|+`) may have them behind the last one. */
const REACHES_OUT = /(^|[\s,[{:-])[*&][^\s,[\]{}]|[|>][1-9]?\+/m

interface Stretch {
  readonly from: number
  readonly to: number
}

/**
 * Cuts Lists in block style where their items begin, so that each is parsed by itself: one that is broken breaks no other, and one of a large List
 * costs what it costs alone. Only segments above `largest` characters are cut, and those that `read` cannot read.
 */
export function cutLists(
  segments: readonly Segment[],
  textOf: (segment: Segment) => string,
  largest: number,
  read: (segment: Segment) => readonly Parsed[] | undefined,
): Segment[] {
  return segments.flatMap((segment): Segment[] => {
    const text = segment.count === 1 ? textOf(segment) : ''
    if (!MAY_HOLD_LIST.test(text) || (text.length <= largest && read(segment))) return [segment]
    const items = itemStretches(text)
    const first = items[0]?.from ?? 0
    const last = items.at(-1)?.to ?? 0
    if (items.length === 0 || items.some(({ from, to }) => MAY_HOLD_LIST.test(text.slice(from, to)))) return [segment]
    const around = listAround(text.slice(0, first) + text.slice(last))
    if (!around || (REACHES_OUT.test(text) && read(segment))) return [segment]
    const at = (from: number, to: number) => ({ ...segment, from: segment.from + from, to: segment.from + to })
    return [
      { ...at(0, first), count: 0, part: { of: 'frame' } },
      ...items.map(({ from, to }, item): Segment => ({ ...at(from, to), part: { of: 'item', item, frame: around } })),
      ...(last < text.length ? [{ ...at(last, text.length), count: 0, part: { of: 'frame' } } as const] : []),
    ]
  })
}

/** What stands around the items, read as a List without any; undefined when it is none. */
function listAround(text: string): Tree | undefined {
  try {
    const [parsed] = parseSegment(text, 1)
    return parsed && isEmptyList(parsed.root) ? parsed.root : undefined
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/** The lines of each item below `items:`, with the comments above it; none where that is not in block style. */
function itemStretches(text: string): Stretch[] {
  const head = /^(["']?)items\1[ \t]*:[ \t]*(?:#[^\n]*)?\r?$/m.exec(text)
  if (!head) return []
  const dashes: number[] = []
  let column = -1
  let end = 0
  for (let at = nextLine(text, head.index + head[0].replace(/\r$/, '').length); at < text.length; ) {
    const line = lineAt(text, at)
    const next = nextLine(text, line.to)
    if (line.kind === 'content') {
      const isItem = text[at + line.indent] === '-' && /^(?:[ \t]|$)/.test(text.slice(at + line.indent + 1, line.to))
      if (column < 0 && isItem) column = line.indent
      if (line.indent < column || column < 0 || (line.indent === column && !isItem)) break
      if (line.indent === column) dashes.push(at + line.indent)
      end = line.to
    }
    if (next === at) break
    at = next
  }
  const starts = dashes.map((dash) => leadingStart(text, dash))
  const last = nextLine(text, extendedEnd(text, end, column))
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? last }))
}
