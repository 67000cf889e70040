import { same } from '../forms/edits.ts'
import { nameOf, objectKey } from '../forms/objects.ts'
import { isMap, type Json } from '../forms/schema.ts'
import { explained } from '../i18n/explained.ts'
import {
  diffToEdits,
  documentText,
  type Edit,
  edit,
  formatPath,
  openText,
  type Path,
  readDocuments,
} from '../yaml/index.ts'
import { mergeLines } from './merge-lines.ts'

/** A value that both sides changed, differently. Undefined: it is not there. */
export interface Clash {
  /** Key of the object, or `#<number>` for a document without one. */
  readonly object: string
  readonly path: Path
  readonly base: unknown
  readonly theirs: unknown
  readonly mine: unknown
}

/** How two changes of one text come together. */
export type Merge =
  | {
      readonly kind: 'merged'
      readonly text: string
      /** `lines`: every byte of both sides is kept. `values`: values of both are, laid out as theirs; comments only mine had may be gone. */
      readonly by: 'lines' | 'values'
    }
  | { readonly kind: 'clash'; readonly clashes: readonly Clash[] }
  /** One of the texts cannot be read as YAML, and their lines overlap. */
  | { readonly kind: 'unreadable'; readonly message: string }

/** A choice for a value that both changed. */
export type Pick = 'theirs' | 'mine'

/**
 * Brings two changes of a text together: line by line where they do not touch, else value by value. The result of lines is taken only when it
 * means what merging the values means. Nothing is ever dropped without a word: what both changed is a clash, for a person to decide (`picks`,
 * by `clashKey`).
 */
export function mergeTexts(
  base: string,
  theirs: string,
  mine: string,
  picks: Readonly<Record<string, Pick>> = {},
): Merge {
  const lines = mergeLines(base, theirs, mine)
  const read = [base, theirs, mine].map((text) => documentsOf(text))
  const broken = read.find((one) => typeof one === 'string')
  if (typeof broken === 'string')
    return lines === undefined ? { kind: 'unreadable', message: broken } : { kind: 'merged', text: lines, by: 'lines' }
  const [b, t, m] = read as Documents[]
  const clashes: Clash[] = []
  const wanted = new Map<string, unknown>()
  for (const key of new Set([...b!.keys(), ...t!.keys(), ...m!.keys()])) {
    const [old, their, my] = [b!.get(key)?.value, t!.get(key)?.value, m!.get(key)?.value]
    wanted.set(key, mergeValues(key, [], old, their, my, picks, clashes))
  }
  if (clashes.length > 0) return { kind: 'clash', clashes }
  if (lines !== undefined && meansSame(lines, wanted)) return { kind: 'merged', text: lines, by: 'lines' }
  return { kind: 'merged', text: onto(theirs, t!, wanted, mine, m!), by: 'values' }
}

/** What a clash is remembered by while a person decides: the object and the path of the field in it. */
export const clashKey = ({ object, path }: Pick2): string => `${object} ${formatPath(path)}`
type Pick2 = { readonly object: string; readonly path: Path }

type Documents = Map<string, { readonly document: number; readonly value: unknown }>

/** Documents by name; by number where they have none, or one that is taken. A text when the file cannot be read. */
function documentsOf(text: string): Documents | string {
  const found: Documents = new Map()
  for (const { document, value, error } of readDocuments(openText(text))) {
    if (error)
      return `${error.position ? `${error.position.line}:${error.position.column}: ` : ''}${explained(`yaml.${error.code}`, error.message)}`
    const name = nameOf(value, '')
    const key = name ? objectKey(name) : `#${document}`
    found.set(found.has(key) ? `${key} #${document}` : key, { document, value })
  }
  return found
}

function mergeValues(
  object: string,
  path: Path,
  base: unknown,
  theirs: unknown,
  mine: unknown,
  picks: Readonly<Record<string, Pick>>,
  clashes: Clash[],
): unknown {
  if (same(theirs, mine) || same(mine, base)) return theirs
  if (same(theirs, base)) return mine
  if (isMap(theirs) && isMap(mine) && (isMap(base) || base === undefined)) {
    const old: Json = isMap(base) ? base : {}
    const keys = new Set([...Object.keys(theirs), ...Object.keys(mine)])
    const merged = [...keys].flatMap((key) => {
      const value = mergeValues(object, [...path, key], old[key], theirs[key], mine[key], picks, clashes)
      return value === undefined ? [] : [[key, value] as const]
    })
    return Object.fromEntries(merged)
  }
  if (Array.isArray(base) && Array.isArray(theirs) && Array.isArray(mine)) {
    if (base.length === theirs.length && base.length === mine.length)
      return base.map((one, i) => mergeValues(object, [...path, i], one, theirs[i], mine[i], picks, clashes))
  }
  const picked = picks[clashKey({ object, path })]
  if (picked) return picked === 'mine' ? mine : theirs
  clashes.push({ object, path, base, theirs, mine })
  return theirs
}

function meansSame(text: string, wanted: ReadonlyMap<string, unknown>): boolean {
  const documents = documentsOf(text)
  if (typeof documents === 'string') return false
  const there = [...wanted].filter(([, value]) => value !== undefined)
  return documents.size === there.length && there.every(([key, value]) => same(documents.get(key)?.value, value))
}

/** Writes the merged values into their text; documents only mine has come behind, as they are written. */
function onto(
  theirs: string,
  documents: Documents,
  wanted: ReadonlyMap<string, unknown>,
  mineText: string,
  mine: Documents,
): string {
  const edits: Edit[] = []
  const added: string[] = []
  const gone: number[] = []
  for (const [key, value] of wanted) {
    const there = documents.get(key)
    if (there && value === undefined) gone.push(there.document)
    else if (there) edits.push(...diffToEdits(there.value, value, { document: there.document }))
    else if (value !== undefined) {
      added.push(documentText(mineText, mine.get(key)!.document))
    }
  }
  const edited = edit(theirs, edits, { sharing: 'here' }).text
  const kept = gone.length === 0 ? edited : withoutDocuments(edited, gone)
  return added.reduce((text, one) => appendDocument(text, one), kept)
}

/** A text without some of its documents. Of a List the items go; it stays, with the last of them as `items: []`. */
export function withoutDocuments(text: string, numbers: readonly number[]): string {
  const open = openText(text)
  let out = text
  let first = false
  // From the last on: what goes moves those behind it only.
  for (const document of [...numbers].sort((a, b) => b - a)) {
    const { from, to } = open.span(document)
    if (open.place(document).length > 0)
      out = edit(out, [{ document, path: [], op: 'delete' }], { sharing: 'here' }).text
    else {
      out = out.slice(0, from) + out.slice(to)
      first ||= text.slice(0, from).trim() === ''
    }
  }
  // What was the second document must not begin with the marker that parted it from the first.
  return first ? out.replace(/^\s*---[ \t]*\r?\n/, '') : out
}

/** A text with one more document behind. */
export function appendDocument(text: string, document: string): string {
  const body = document.replace(/^(\s*---[ \t]*\r?\n)+/, '').replace(/^\s*\n/, '')
  if (text.trim() === '') return body
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  return `${text.endsWith('\n') ? text : text + eol}---${eol}${body}`
}
