import i18next from 'i18next'
import { DOCS_ZH, REMARKS_ZH, TITLES_ZH } from '../forms/docs-zh.ts'
import { camelCase, type FieldSchema, isMap, type Json, schemaAt, valueAt } from '../forms/schema.ts'
import { formatPath, openText, pathAt, readDocument } from '../yaml/index.ts'

/** Schemas of kinds that have been loaded, by kind. */
export type SchemaOf = (kind: string) => FieldSchema | undefined

/** Something that can be written at the cursor. */
export interface Suggestion {
  readonly label: string
  /** What is inserted in its place. */
  readonly insert: string
  readonly detail: string
  readonly doc: string | undefined
  readonly deprecated: boolean
}

export interface Suggestions {
  /** The stretch of the text a suggestion replaces. */
  readonly from: number
  readonly to: number
  readonly options: readonly Suggestion[]
}

export interface SuggestOptions {
  readonly schemaOf: SchemaOf
  readonly kinds: readonly { readonly kind: string; readonly group: string; readonly versions: readonly string[] }[]
  /** Hosts of the mesh, for fields that name one. */
  readonly hosts: readonly string[]
}

const PROBE = '__probe__'

/** What can be written at a place: fields of the map it is in, or values of the field before it. Undefined where nothing is known. */
export function suggestionsAt(text: string, offset: number, options: SuggestOptions): Suggestions | undefined {
  const from = text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  const line = text.slice(from, offset)
  const key = /^(\s*(?:- +)*)([\w.-]*)$/.exec(line)
  if (key) return keysAt(text, from, end < 0 ? text.length : end, key[1]!, key[2]!, offset, options)
  const value = /^(\s*(?:- +)*)(["']?[\w./-]+["']?)\s*:\s+(["']?[\w.*/-]*)$/.exec(line)
  if (value) return valuesAt(text, from + value[1]!.length, value[3]!, offset, options)
  return undefined
}

function keysAt(
  text: string,
  from: number,
  to: number,
  indent: string,
  word: string,
  offset: number,
  { schemaOf }: SuggestOptions,
): Suggestions | undefined {
  // A word alone is no YAML yet where a key is meant: the line is read as if a key stood there.
  const probed = `${text.slice(0, from)}${indent}${PROBE}: 0${text.slice(to)}`
  const open = openText(probed)
  const at = pathAt(open, from + indent.length + 1)
  if (!at || at.path.at(-1) !== PROBE) return undefined
  const { value } = readDocument(open, at.document)
  const parent = at.path.slice(0, -1)
  const schema = documentSchema(value, schemaOf)
  const map = valueAt(value, parent)
  const taken = new Set(isMap(map) ? Object.keys(map).map(camelCase) : [])
  const fields = Object.entries(schemaAt(schema, parent)?.properties ?? {}).filter(([name]) => !taken.has(name))
  if (fields.length === 0) return undefined
  return {
    from: offset - word.length,
    to: offset,
    options: fields.map(([name, field]) => ({
      label: name,
      insert: field.type === 'object' || field.type === 'array' ? `${name}:` : `${name}: `,
      detail: typeText(field),
      doc: docText(field),
      deprecated: field['x-deprecated'] !== undefined,
    })),
  }
}

function valuesAt(
  text: string,
  keyAt: number,
  word: string,
  offset: number,
  { schemaOf, kinds, hosts }: SuggestOptions,
): Suggestions | undefined {
  const open = openText(text)
  const at = pathAt(open, keyAt + 1)
  if (!at) return undefined
  const { value } = readDocument(open, at.document)
  const name = at.path.at(-1)
  const field = schemaAt(documentSchema(value, schemaOf), at.path)
  const known = isMap(value) ? kinds.find(({ kind }) => kind === value['kind']) : undefined
  const group = (one: { readonly group: string; readonly versions: readonly string[] }) =>
    one.versions.map((version) => (one.group ? `${one.group}/${version}` : version))
  const words: readonly string[] =
    at.path.length === 1 && name === 'kind'
      ? kinds.map(({ kind }) => kind)
      : at.path.length === 1 && name === 'apiVersion'
        ? (known ? [known] : kinds).flatMap(group)
        : field?.enum
          ? field.enum.map(String)
          : field?.type === 'boolean'
            ? ['true', 'false']
            : name === 'host' || name === 'svrName'
              ? hosts
              : []
  if (words.length === 0) return undefined
  const quote = /^["']/.test(word) ? 1 : 0
  return {
    from: offset - word.length + quote,
    to: offset,
    options: [...new Set(words)].map((one) => ({
      label: one,
      insert: one,
      detail: '',
      doc: undefined,
      deprecated: false,
    })),
  }
}

/** What a key in the text is, for a hint beside it. */
export interface FieldHint {
  readonly from: number
  readonly to: number
  readonly title: string
  readonly type: string
  readonly doc: string
}

/** The documentation of the field whose key is at a place. */
export function hintAt(text: string, offset: number, schemaOf: SchemaOf): FieldHint | undefined {
  const open = openText(text)
  const at = pathAt(open, offset)
  if (at?.on !== 'key') return undefined
  const { value } = readDocument(open, at.document)
  const field = schemaAt(documentSchema(value, schemaOf), at.path)
  const doc = field && docText(field)
  if (!field || doc === undefined) return undefined
  const word = /[\w.-]*$/.exec(text.slice(Math.max(0, offset - 100), offset))![0]
  const rest = /^[\w.-]*/.exec(text.slice(offset, offset + 100))![0]
  return {
    from: offset - word.length,
    to: offset + rest.length,
    title: formatPath(at.path),
    type: typeText(field),
    doc,
  }
}

function documentSchema(value: unknown, schemaOf: SchemaOf): FieldSchema | undefined {
  const kind = (isMap(value) ? (value as Json) : {})['kind']
  return (typeof kind === 'string' ? schemaOf(kind) : undefined) ?? ANY_OBJECT
}

/** Before a document says what it is. */
const ANY_OBJECT: FieldSchema = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string', description: 'API group and version.' },
    kind: { type: 'string', description: 'Kind of the object.' },
    metadata: {
      type: 'object',
      description: 'Who the object is.',
      properties: {
        name: { type: 'string', description: 'Name.' },
        namespace: { type: 'string', description: 'Namespace.' },
      },
    },
    spec: { type: 'object', description: 'What it says.' },
  },
}

/** A type in a word or two: `list of text`, `duration`, `DEFAULT | UPGRADE`. */
function typeText(schema: FieldSchema, language: string = i18next.language): string {
  const words = language === 'zh' ? TYPES_ZH : TYPES_EN
  if (schema.enum) return schema.enum.join(' | ')
  switch (schema.type) {
    case 'array':
      return words.list(schema.items ? typeText(schema.items, language) : words.anything)
    case 'object':
      return schema.properties ? words.object : words.map
    case 'string':
      return schema.format === 'duration' ? words.duration : words.text
    case undefined:
      return words.anything
    default:
      return schema.format ?? schema.type
  }
}

const TYPES_EN = {
  list: (item: string) => `list of ${item}`,
  ...{ anything: 'anything', object: 'object', map: 'map', duration: 'duration', text: 'text' },
}
const TYPES_ZH: typeof TYPES_EN = {
  list: (item) => `${item}列表`,
  ...{ anything: '任意值', object: '对象', map: '映射', duration: '时长', text: '文本' },
}

/** What holds without a field, in the language of the page. */
export function presetText(preset: string, language: string = i18next.language): string {
  return language === 'zh' ? (REMARKS_ZH[preset] ?? preset) : preset
}

/** What one of several ways to write a field is called, in the language of the page. */
export function titleText(title: string, language: string = i18next.language): string {
  return language === 'zh' ? (TITLES_ZH[title] ?? title) : title
}

/** What a field is for, what holds without it, and what is wrong with it, in the language of the page. */
export function docText(schema: FieldSchema, language: string = i18next.language): string | undefined {
  const { description, 'x-default': preset, 'x-deprecated': old, 'x-unsupported': missing } = schema
  const { about, remark, facts, end } = language === 'zh' ? CHINESE : ENGLISH
  const parts = [
    description === undefined ? undefined : about(description),
    ...[preset, old, missing].map((one, index) =>
      one === undefined ? undefined : `${facts[index]}${remark(one)}${end}`,
    ),
  ].filter((one) => one !== undefined)
  return parts.length === 0 ? undefined : parts.join(' ')
}

const ENGLISH = {
  about: (text: string) => text,
  remark: (text: string) => text,
  facts: ['Default: ', 'Deprecated: ', 'Not supported: '],
  end: '.',
} as const
const CHINESE = {
  about: (text: string) => DOCS_ZH[text] ?? text,
  remark: (text: string) => REMARKS_ZH[text] ?? text,
  facts: ['默认：', '已弃用：', '不支持：'],
  end: '。',
} as const
