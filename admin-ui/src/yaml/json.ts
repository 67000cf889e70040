import { isMap, WrittenNumber } from './data.ts'
import { Refusal } from './errors.ts'
import { lineIndent, ownsLine } from './lines.ts'
import { needsEscape } from './scalar.ts'
import type { Tree } from './tree.ts'

/** How a document that is JSON, and shall stay so, is laid out. */
export interface JsonLayout {
  /** What stands in front of an entry beyond what stands in front of its map; undefined when all is on one line. */
  readonly step: string | undefined
  /** Blanks behind colons and commas. */
  readonly gap: '' | ' '
}

/** The layout of a document that is a JSON object; undefined of any other, an empty one among them: `{}` may become anything. */
export function jsonLayoutOf(text: string, root: Tree): JsonLayout | undefined {
  if (root.kind !== 'map' || !root.flow || !isJson(text.slice(root.from, root.end))) return undefined
  const first = root.slots[0]
  if (!first) return undefined
  const own =
    ownsLine(text, first.start) && first.start > root.start && text.slice(root.start, first.start).includes('\n')
  const step = own ? lineIndent(text, first.start).slice(lineIndent(text, root.start).length) : undefined
  return { step, gap: first.value.from > first.headEnd ? ' ' : '' }
}

/** Whether a text is JSON, for programs that read nothing else. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * A value as JSON. `pad` is what stands in front of the line it begins on: with it a collection takes a line for each entry where the document does.
 * @throws Refusal `VALUE` for a number that JSON cannot write
 */
export function renderJson(value: unknown, layout: JsonLayout, eol: string, pad?: string): string {
  const list = Array.isArray(value)
  if (!list && !isMap(value)) return renderJsonScalar(value)
  const { step, gap } = layout
  const inner = pad === undefined || step === undefined ? undefined : pad + step
  const parts = list
    ? value.map((item) => renderJson(item, layout, eol, inner))
    : Object.entries(value).map(
        ([key, item]) => `${renderJsonScalar(key)}:${gap}${renderJson(item, layout, eol, inner)}`,
      )
  const [open, close] = list ? '[]' : '{}'
  if (inner === undefined || parts.length === 0) return `${open}${parts.join(`,${gap}`)}${close}`
  return `${open}${eol}${inner}${parts.join(`,${eol}${inner}`)}${eol}${pad}${close}`
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[-+]?\d+)?$/i

function renderJsonScalar(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value).replace(EACH, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
  if (value instanceof WrittenNumber && NUMBER.test(value.source)) return value.source
  const plain = value instanceof WrittenNumber ? value.value : value
  if (Object.is(plain, -0)) return '-0'
  if (typeof plain === 'number' && !Number.isFinite(plain))
    throw new Refusal('VALUE', `JSON has no way to write ${plain}`, 0)
  return JSON.stringify(plain) ?? 'null'
}

/** What YAML reads in quotes only when it is escaped, beyond what JSON escapes. */
const EACH = new RegExp(needsEscape.source, 'gu')
