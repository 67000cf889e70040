import { isMap } from './data.ts'
import { Refusal } from './errors.ts'
import { renderJson } from './json.ts'
import type { Quote } from './scalar.ts'
import { blockScalar, renderScalar } from './scalar.ts'
import type { Style } from './style.ts'

/** A text with its style: what a splice needs to know of the document it changes. */
export interface Page {
  readonly text: string
  readonly style: Style
}

/** Which block scalars may be written: none where a comment below would become text, no `|` at the end of a text without line break. */
export type Literals = 'all' | 'stripped' | 'none'

export interface RenderOptions {
  readonly style: Style
  readonly literals: Literals
  readonly dashGap?: number
}

/** Whether a value is a list or map with something in it, which block style writes on lines of its own. */
export function isFilled(value: unknown): value is readonly unknown[] | Record<string, unknown> {
  return Array.isArray(value) ? value.length > 0 : isMap(value) && Object.keys(value).length > 0
}

/**
 * A value on one line: scalars, `[a, b]`, `{a: 1}`. `flow` says whether it stands inside brackets already. In a document that is JSON it takes
 * several lines where its neighbours do, and `pad` says what stands in front of the line it begins on.
 */
export function renderFlow(value: unknown, style: Style, flow: boolean, keep?: Quote, pad?: string): string {
  if (style.json) return renderJson(value, style.json, style.eol, pad)
  if (Array.isArray(value)) return `[${value.map((item) => renderFlow(item, style, true)).join(', ')}]`
  if (!isMap(value)) return renderScalar(value, { flow, quote: style.quote, keep })
  const entries = Object.entries(value).map(([key, item]) => renderFlowEntry(key, item, style))
  const blank = style.padded && entries.length > 0 ? ' ' : ''
  return `{${blank}${entries.join(', ')}${blank}}`
}

/** One entry of a map in braces: `key: value`. */
export function renderFlowEntry(key: string, value: unknown, style: Style, pad?: string): string {
  return `${renderKey(key, style, true)}:${style.json?.gap ?? ' '}${renderFlow(value, style, true, undefined, pad)}`
}

/**
 * A key on one line.
 * @throws Refusal `VALUE` above 1024 characters, the most that a key without `?` may have
 */
export function renderKey(key: string, style: Style, flow: boolean, keep?: Quote): string {
  const text = style.json ? renderJson(key, style.json, '') : renderScalar(key, { flow, quote: style.quote, keep })
  if (text.length > 1000) throw new Refusal('VALUE', 'a key may not be longer than 1000 characters', 0)
  return text
}

/**
 * A filled collection in block style as lines; the first line has no indentation, all others have it, starting at `column`. The body
 * of a block scalar comes in whole lines too.
 */
export function renderBlock(
  value: readonly unknown[] | Record<string, unknown>,
  column: number,
  options: RenderOptions,
): string[] {
  const parts = Array.isArray(value)
    ? value.map((item) => renderItem(item, column, options))
    : Object.entries(value).map(([key, item]) => renderEntry(key, item, column, options))
  return parts.flatMap((lines, i) => (i === 0 ? lines : [`${' '.repeat(column)}${lines[0]}`, ...lines.slice(1)]))
}

/** `key: value` at `column`. */
export function renderEntry(key: string, value: unknown, column: number, options: RenderOptions): string[] {
  const { style } = options
  const head = `${renderKey(key, style, false)}:`
  if (isFilled(value)) {
    const child = column + (Array.isArray(value) ? style.listStep : style.mapStep)
    const lines = renderBlock(value, child, withoutGap(options))
    return [head, `${' '.repeat(child)}${lines[0]}`, ...lines.slice(1)]
  }
  return withLeaf(head, ' ', value, column + style.mapStep, options)
}

/** `- value` at `column`; maps and lists begin on the line of the dash. */
export function renderItem(value: unknown, column: number, options: RenderOptions): string[] {
  const gap = ' '.repeat(options.dashGap ?? options.style.dashGap)
  if (isFilled(value)) {
    const lines = renderBlock(value, column + 1 + gap.length, withoutGap(options))
    return [`-${gap}${lines[0]}`, ...lines.slice(1)]
  }
  return withLeaf('-', gap, value, column + 1 + gap.length, options)
}

function withLeaf(head: string, gap: string, value: unknown, bodyColumn: number, options: RenderOptions): string[] {
  const block = typeof value === 'string' ? literalOf(value, options.literals) : undefined
  if (!block) return [`${head}${gap}${renderFlow(value, options.style, false)}`]
  return [`${head}${gap}${block.header}`, ...indented(block.lines, bodyColumn)]
}

/** A string as a block scalar where `literals` allows it. */
export function literalOf(
  value: string,
  literals: Literals,
  style?: 'literal' | 'folded',
): ReturnType<typeof blockScalar> {
  if (literals === 'none') return undefined
  const block = blockScalar(value, style)
  return block && literals === 'stripped' && !block.header.endsWith('-') ? undefined : block
}

/** Lines with `column` blanks in front; empty ones stay empty. */
export function indented(lines: readonly string[], column: number): string[] {
  return lines.map((line) => (line === '' ? '' : `${' '.repeat(column)}${line}`))
}

function withoutGap({ style, literals }: RenderOptions): RenderOptions {
  return { style, literals }
}
