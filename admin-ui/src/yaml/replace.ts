import type { Change } from './changes.ts'
import {
  atLineStart,
  columnOf,
  deeperCommentBelow,
  extendedEnd,
  lastLineEnd,
  lineAt,
  lineEnd,
  lineIndent,
  lineStart,
  nextLine,
  ownsLine,
} from './lines.ts'
import type { Literals, Page } from './render.ts'
import { indented, isFilled, literalOf, renderBlock, renderFlow } from './render.ts'
import type { BlockScalar, Quote } from './scalar.ts'
import { dashGapOf } from './style.ts'
import type { Collection, ScalarTree, Slot, Tree } from './tree.ts'

/** No splice is known for this layout: the caller writes a larger node anew. */
export class Unspliceable extends Error {}

/** The new value in the form it takes at its place. */
type Form =
  | { readonly kind: 'inline'; readonly text: string }
  | { readonly kind: 'literal'; readonly block: BlockScalar; readonly column: number }
  | { readonly kind: 'lines'; readonly lines: readonly string[]; readonly column: number }

/**
 * Changes that put `value` in the place of a slot's value. The comment on the slot's own line stays; comments inside a replaced
 * collection go with it. Anchor and tag of the old value go, unless `anchor` says to keep one.
 */
export function replaceValue(page: Page, owner: Collection, slot: Slot, value: unknown, anchor?: string): Change[] {
  const props = anchor === undefined ? '' : `&${anchor} `
  const old = slot.value
  if (!slot.colon) return replaceMissing(page, owner, slot, value, props)
  if (owner.flow || (!isFilled(value) && old.kind !== 'scalar' && isOneLine(old))) {
    return inPlace(
      page,
      slot,
      props + renderFlow(value, page.style, owner.flow, quoteOf(old), padOf(page, owner, slot)),
    )
  }
  const staysFlow = (old.kind === 'map' || old.kind === 'seq') && old.flow && old.slots.length > 0
  if (staysFlow && isFilled(value)) return inPlace(page, slot, props + renderFlow(value, page.style, false))
  const form = formOf(page, owner, slot, value)
  if (old.kind === 'scalar' && isBlockScalar(old)) return overBlockScalar(page, slot, old, form, props)
  if ((old.kind === 'map' || old.kind === 'seq') && !old.flow) return overBlock(page, owner, slot, old, form, props)
  return overInline(page, owner, slot, form, props)
}

/** What stands in front of a slot with a line of its own; undefined for one that shares its line with others. */
function padOf({ text }: Page, owner: Collection, { start }: Slot): string | undefined {
  return ownsLine(text, start) && lineStart(text, start) > owner.start ? lineIndent(text, start) : undefined
}

function isOneLine(tree: Tree): boolean {
  return tree.kind === 'alias' || tree.kind === 'opaque' || ((tree.kind === 'map' || tree.kind === 'seq') && tree.flow)
}

function isBlockScalar(tree: ScalarTree): boolean {
  return tree.style === 'literal' || tree.style === 'folded'
}

function quoteOf(tree: Tree): Quote | undefined {
  return tree.kind === 'scalar' && (tree.style === 'single' || tree.style === 'double') ? tree.style : undefined
}

function replaceMissing(page: Page, owner: Collection, slot: Slot, value: unknown, props: string): Change[] {
  if (!owner.flow) throw new Unspliceable()
  return [{ from: slot.headEnd, to: slot.headEnd, insert: `: ${props}${renderFlow(value, page.style, true)}` }]
}

function inPlace(page: Page, slot: Slot, text: string): Change[] {
  const { from, end } = slot.value
  if (end > from) return [{ from, to: end, insert: text }]
  return [{ from, to: from, insert: spaced(page, slot, text) }]
}

/** A value that was not written: a blank between `:` or `-` and the new one. */
function spaced(page: Page, slot: Slot, text: string): string {
  const before = page.text[slot.value.from - 1]
  return slot.value.from > slot.start && before !== ' ' && before !== '\n' ? ` ${text}` : text
}

function formOf(page: Page, owner: Collection, slot: Slot, value: unknown): Form {
  const { text, style } = page
  const old = slot.value
  const column = columnOf(text, slot.start)
  const end = extendedEnd(text, slot.end, column)
  const keptBelow =
    (old.kind === 'map' || old.kind === 'seq') && !old.flow ? false : deeperCommentBelow(text, slot.end, column)
  const literals: Literals = keptBelow ? 'none' : lastLineEnd(text, end) === text.length ? 'stripped' : 'all'
  const inner = owner.kind === 'seq' ? column + 1 + dashGapOf(text, owner, style) : column + style.mapStep
  if (isFilled(value)) {
    const same =
      (old.kind === 'map' || old.kind === 'seq') && !old.flow && (old.kind === 'seq') === Array.isArray(value)
    const wanted = owner.kind === 'map' && Array.isArray(value) ? column + style.listStep : inner
    const at = same ? old.column : wanted
    const dashGap = same && old.kind === 'seq' ? dashGapOf(text, old, style) : undefined
    const options = dashGap === undefined ? { style, literals } : { style, literals, dashGap }
    return { kind: 'lines', lines: renderBlock(value, at, options), column: at }
  }
  const folded = old.kind === 'scalar' && old.style === 'folded' ? 'folded' : 'literal'
  const block =
    typeof value === 'string' && quoteOf(old) === undefined && !slot.complex
      ? literalOf(value, literals, folded)
      : undefined
  if (block) return { kind: 'literal', block, column: bodyColumn(page, old) ?? inner }
  return { kind: 'inline', text: renderFlow(value, style, false, quoteOf(old)) }
}

/** Column of the text of an old block scalar, unless its header fixes one. */
function bodyColumn({ text }: Page, old: Tree): number | undefined {
  if (old.kind !== 'scalar' || !isBlockScalar(old) || /[1-9]/.test(text.slice(old.start, old.headerEnd)))
    return undefined
  for (let at = nextLine(text, lineEnd(text, old.headerEnd)); at < old.end; ) {
    const line = lineAt(text, at)
    if (line.kind !== 'blank') return line.indent
    at = nextLine(text, line.to)
  }
  return undefined
}

function overBlockScalar(page: Page, slot: Slot, old: ScalarTree, form: Form, props: string): Change[] {
  const { text } = page
  const headLine = lineEnd(text, old.headerEnd)
  const body = { from: headLine, to: Math.max(headLine, lastLineEnd(text, old.end)) }
  if (form.kind === 'inline') {
    return [
      { from: old.from, to: old.headerEnd, insert: props + form.text },
      { ...body, insert: '' },
    ]
  }
  if (form.kind === 'literal') {
    return [
      { from: old.from, to: old.headerEnd, insert: props + form.block.header },
      { ...body, insert: below(page, indented(form.block.lines, form.column)) },
    ]
  }
  return [headless(page, slot, old.from, old.headerEnd, props), { ...body, insert: below(page, block(form)) }]
}

function overInline(page: Page, owner: Collection, slot: Slot, form: Form, props: string): Change[] {
  const { text } = page
  const { from, end } = slot.value
  if (form.kind === 'inline') return inPlace(page, slot, props + form.text)
  const line = lineEnd(text, end)
  if (ownsLine(text, from) && end > from) return overOwnLine(page, slot, form, props)
  if (form.kind === 'literal') {
    const header = props + form.block.header
    const put = end > from ? { from, to: end, insert: header } : { from, to: from, insert: spaced(page, slot, header) }
    return [put, { from: line, to: line, insert: below(page, indented(form.block.lines, form.column)) }]
  }
  const commented = text.slice(end, line).trim() !== ''
  if (owner.kind === 'seq' && !commented && props === '') return compact(page, owner, slot, from, end, form)
  return [headless(page, slot, from, end, props), { from: line, to: line, insert: below(page, block(form)) }]
}

/** `key:`, then the value on a line of its own: the new one begins behind the colon, comments between stay above it. */
function overOwnLine(page: Page, slot: Slot, form: Exclude<Form, { kind: 'inline' }>, props: string): Change[] {
  const { text } = page
  const { from, end } = slot.value
  const line = lineEnd(text, end)
  const tail = text.slice(end, line).trim()
  const comment = tail ? ` ${tail}` : ''
  const between = text.slice(slot.headEnd, from).trimEnd()
  if (form.kind === 'lines') {
    const gap = props ? ` ${props.trim()}` : ''
    const kept = between || comment
    if (between && comment) throw new Unspliceable()
    return [{ from: slot.headEnd, to: line, insert: gap + kept + below(page, block(form)) }]
  }
  const body = below(page, indented(form.block.lines, form.column))
  const start = between ? from : slot.headEnd
  return [{ from: start, to: line, insert: `${between ? '' : ' '}${props}${form.block.header}${comment}${body}` }]
}

function overBlock(page: Page, owner: Collection, slot: Slot, old: Collection, form: Form, props: string): Change[] {
  const { text } = page
  const column = columnOf(text, slot.start)
  const end = Math.max(lastLineEnd(text, extendedEnd(text, slot.end, column)), old.start)
  const head = lineEnd(text, slot.headEnd)
  if (old.start <= head) {
    if (form.kind === 'inline') return [{ from: old.from, to: end, insert: props + form.text }]
    if (form.kind === 'lines' && props === '') return compact(page, owner, slot, old.from, end, form)
    const first = form.kind === 'literal' ? form.block.header : ''
    const rest = form.kind === 'literal' ? indented(form.block.lines, form.column) : block(form)
    return [{ from: old.from, to: end, insert: `${props}${first}`.trimEnd() + below(page, rest) }]
  }
  const written = old.from < old.start
  const propsTo = written ? old.from + text.slice(old.from, head).search(/\s*(?:\s#|$)/) : slot.headEnd
  const propsFrom = written ? old.from : slot.headEnd
  const gap = written ? '' : ' '
  const first = form.kind === 'inline' ? form.text : form.kind === 'literal' ? form.block.header : ''
  const headText = `${props}${first}`.trimEnd()
  const rest =
    form.kind === 'inline' ? [] : form.kind === 'literal' ? indented(form.block.lines, form.column) : block(form)
  return [
    {
      from: headText ? propsFrom : Math.min(propsFrom, slot.headEnd),
      to: propsTo,
      insert: headText ? gap + headText : '',
    },
    { from: head, to: end, insert: rest.length > 0 ? below(page, rest) : '' },
  ]
}

/** A collection that begins on the line of its dash. */
function compact(
  page: Page,
  owner: Collection,
  slot: Slot,
  from: number,
  to: number,
  form: Form & { kind: 'lines' },
): Change[] {
  const gap = ' '.repeat(dashGapOf(page.text, owner, page.style))
  const actual = from > slot.headEnd ? page.text.slice(slot.headEnd, from) : gap
  const shifted = columnOf(page.text, slot.headEnd) + actual.length
  if (shifted !== form.column) {
    return [{ from: slot.headEnd, to, insert: below(page, block(form)) }]
  }
  return [{ from: slot.headEnd, to, insert: actual + form.lines.join(page.style.eol) }]
}

/** Removes the value from the head line, with the blanks before it; keeps an anchor there. */
function headless(page: Page, slot: Slot, from: number, to: number, props: string): Change {
  if (props) return { from, to, insert: from === to ? spaced(page, slot, props.trim()) : props.trim() }
  let start = from
  while (start > slot.headEnd && page.text[start - 1] === ' ') start--
  return { from: start, to, insert: '' }
}

function block(form: Form & { kind: 'lines' }): string[] {
  return [`${' '.repeat(form.column)}${form.lines[0]}`, ...form.lines.slice(1)]
}

/** Lines behind the end of a line. */
function below(page: Page, lines: readonly string[]): string {
  return lines.map((line) => page.style.eol + line).join('')
}

/** A line's place for something inserted behind an item that ends at `end`: its offset, and whether the break goes before or behind. */
export function insertLines(page: Page, end: number, lines: readonly string[]): Change {
  const { eol } = page.style
  const insert = lines.join(eol)
  return atLineStart(page.text, end)
    ? { from: end, to: end, insert: insert + eol }
    : { from: end, to: end, insert: eol + insert }
}
