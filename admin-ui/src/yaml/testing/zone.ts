import type { Node, Pair } from 'yaml'
import { isAlias, isCollection, isMap, isNode, isPair, isScalar, parseAllDocuments } from 'yaml'
import type { Change } from '../changes.ts'
import type { Edit } from '../edit.ts'

interface Stretch {
  readonly from: number
  readonly to: number
}

/**
 * Whether an edit deletes bytes it has no business with, judged by the library's node ranges and by lines, not by our own geometry: undefined when
 * all is well, else what was touched.
 */
export function outsideZone(
  text: string,
  document: number,
  edit: Edit,
  changes: readonly Change[],
): string | undefined {
  const bom = text.startsWith('\ufeff') ? 1 : 0
  const parsed = parseAllDocuments(text.slice(bom), { merge: true, logLevel: 'silent' })
  const root = Array.isArray(parsed) ? parsed[document]?.contents : undefined
  if (!root) return undefined
  const found = walk(root as Node, edit.path)
  if (!found) return undefined
  const shift = ({ from, to }: Stretch): Stretch => ({ from: from + bom, to: to + bom })
  const zone = shift(zoneOf(text.slice(bom), edit, found))
  for (const { from, to } of changes) {
    if (edit.op === 'delete' && commaBefore(text, from, to, found.slot.from + bom)) continue
    if (to > from && (from < zone.from || to > zone.to)) {
      return `bytes ${from}..${to} changed outside ${zone.from}..${zone.to}: ${JSON.stringify(text.slice(from, to))}`
    }
  }
  return edit.op === 'delete' && !found.single ? lostNeighbourComment(text, changes, shift(found.slot)) : undefined
}

interface Found {
  readonly slot: Stretch
  readonly parent: Stretch
  readonly key: Stretch
  readonly single: boolean
}

function walk(root: Node, path: readonly (string | number)[]): Found | undefined {
  let node: Node | null = root
  const whole = { from: 0, to: root.range![2] }
  let found: Found = { slot: whole, parent: whole, key: whole, single: false }
  for (const step of path) {
    if (isAlias(node)) return undefined
    if (!isCollection(node)) return found
    const child: unknown = isMap(node)
      ? node.items.find(
          (pair) =>
            isScalar(pair.key) && String(pair.key.value ?? '') === String(step) && typeof pair.key.value !== 'symbol',
        )
      : node.items[Number(step)]
    if (child === undefined) return found
    const slot = stretch(child)
    if (!slot) return undefined
    const range: readonly number[] | null | undefined = isPair(child) ? (child.key as Node).range : undefined
    found = {
      slot,
      parent: found.slot,
      key: range ? { from: range[0]!, to: range[1]! } : slot,
      single: node.items.length === 1,
    }
    node = (isPair(child) ? child.value : child) as Node | null
  }
  return found
}

function stretch(child: unknown): Stretch | undefined {
  const first = (isPair(child) ? (child as Pair).key : child) as Node | null
  const last = (isPair(child) ? ((child as Pair).value ?? first) : child) as Node | null
  if (!isNode(first) || !isNode(last) || !first.range || !last.range) return undefined
  return { from: first.range[0], to: last.range[2] }
}

/** Where bytes may go: the node with its properties and its line; with its neighbourhood's blanks and commas for deletions. */
function zoneOf(text: string, edit: Edit, { slot, parent, key, single }: Found): Stretch {
  if (edit.op === 'rename') return key
  const columnAt = (at: number) => at - (text.lastIndexOf('\n', at - 1) + 1)
  const grown = (at: Stretch, step: string | number | undefined): Stretch => {
    const from = backToStart(text, at.from)
    // The anchor above the first key of a mapping is the mapping's: where comments belong, the column of the key tells.
    const ownLine = typeof step === 'string' && text.slice(at.from - columnAt(at.from), at.from).trim() === ''
    return { from, to: overFoot(text, at.to, columnAt(ownLine ? at.from : from)) }
  }
  const [outer, inner] = [edit.path.at(-2), edit.path.at(-1)]
  if (edit.op === 'move') {
    const { from, to } = grown(parent, outer)
    return { from, to: to + /^\s*/.exec(text.slice(to))![0].length }
  }
  if (edit.op === 'delete') return single ? grown(parent, outer) : withNeighbourhood(text, grown(slot, inner))
  return grown(slot, inner)
}

/** The comma before an item that goes, with nothing but comments between. */
function commaBefore(text: string, from: number, to: number, slot: number): boolean {
  const between = text.slice(to, Math.max(to, slot)).replace(/#[^\n]*/g, '')
  return text.slice(from, to) === ',' && between.trim() === ''
}

/** Back over anchor, tag and dash, and the comments between. */
function backToStart(text: string, from: number): number {
  let start = from
  for (;;) {
    let at = start
    while (at > 0) {
      const line = text.lastIndexOf('\n', at - 1) + 1
      const before = text.slice(line, at)
      if (before.trim() === '' && line > 0) at = line - 1
      else if (/^\s*#|\s#/.test(before) && at < start) at = line + before.search(/(?:^|\s)\s*#/)
      else break
    }
    while (at > 0 && /[ \t\r]/.test(text[at - 1]!)) at--
    const word = /\S*$/.exec(text.slice(Math.max(0, at - 200), at))![0]
    if (/^[&!]/.test(word)) start = at - word.length
    else return word === '-' || word === '?' ? at - 1 : start
  }
}

/** Over the comment lines below that are indented deeper than the node. */
function overFoot(text: string, at: number, column: number): number {
  let end = lineEnd(text, at)
  for (let from = end; from < text.length; ) {
    const to = lineEnd(text, from + 1)
    const line = text.slice(from, to)
    if (/^ *#/.test(line) && line.indexOf('#') > column) end = to
    else if (line.trim() !== '') break
    from = to
  }
  return end
}

function lineEnd(text: string, at: number): number {
  const newline = text.indexOf('\n', Math.max(0, at - 1))
  return newline === -1 ? text.length : newline + 1
}

function withNeighbourhood(text: string, { from, to }: Stretch): Stretch {
  let start = from
  while (start > 0 && /\s/.test(text[start - 1]!)) start--
  if (text[start - 1] === ',') start--
  while (start > 0) {
    const line = text.lastIndexOf('\n', start - 1) + 1
    if (line === 0 || !/^\s*(?:#[^\n]*)?$/.test(text.slice(line, start))) break
    start = line - 1
  }
  while (start > 0 && /\s/.test(text[start - 1]!)) start--
  let end = to
  while (end < text.length && /[\s,]/.test(text[end]!)) end++
  return { from: start, to: end }
}

/** A deletion may take the comments right above in the node's column and deeper ones below, nothing else. */
function lostNeighbourComment(text: string, changes: readonly Change[], slot: Stretch): string | undefined {
  const first = backToStart(text, slot.from)
  const lineStart = first === 0 ? 0 : text.lastIndexOf('\n', first - 1) + 1
  const dash = text.slice(lineStart, first)
  if (!/^\s*(?:-\s+)?$/.test(dash)) return undefined
  const column = dash.search(/\S|$/)
  for (const { from, to } of changes) {
    const above = text.slice(from, Math.min(to, lineStart)).split('\n')
    const wrong = above.find((line, i) => i > 0 && /^\s*#/.test(line) && line.search(/#/) !== column)
    if (wrong !== undefined) return `a comment above that belongs to something else was deleted: ${wrong}`
    const below = text.slice(Math.max(from, slot.to), to).split('\n')
    const foreign = below.find((line, i) => i > 0 && /^ *#/.test(line) && line.search(/#/) <= column)
    if (foreign !== undefined) return `a comment below that belongs to something else was deleted: ${foreign}`
  }
  return undefined
}
