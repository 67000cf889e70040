import { expect, test } from 'vitest'
import { kindSchema } from '../../../test/helpers/kind-schemas.ts'
import { docText } from '../editor/context-at.ts'
import { DOCS_ZH, REMARKS_ZH } from './docs-zh.ts'

/** Kinds whose forms show every field. */
const KINDS = ['VirtualService', 'DestinationRule', 'MsgRouter', 'MetaRouter']

/** All texts of a schema that say what something is for. */
function descriptions(schema: unknown, found = new Set<string>(), seen = new Set<unknown>()): ReadonlySet<string> {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return found
  seen.add(schema)
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'description' && typeof value === 'string') found.add(value)
    else descriptions(value, found, seen)
  }
  return found
}

test('every field of the kinds with forms is explained in Chinese, and nothing that is no field', () => {
  const all = new Set(KINDS.flatMap((kind) => [...descriptions(kindSchema(kind))]))
  expect([...all].filter((text) => DOCS_ZH[text] === undefined)).toEqual([])
  expect(Object.keys(DOCS_ZH).filter((text) => !all.has(text))).toEqual([])
})

/** All texts of a schema under some keys. */
function remarks(schema: unknown, found = new Set<string>(), seen = new Set<unknown>()): ReadonlySet<string> {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return found
  seen.add(schema)
  for (const [key, value] of Object.entries(schema)) {
    if (['x-default', 'x-deprecated', 'x-unsupported'].includes(key) && typeof value === 'string') found.add(value)
    else remarks(value, found, seen)
  }
  return found
}

test('what holds without a field, and what is wrong with one, is told in Chinese where it is told in words', () => {
  const all = [...new Set(KINDS.flatMap((kind) => [...remarks(kindSchema(kind))]))]
  // Values of the configuration are no words: true, 25ms, LEAST_REQUEST, connect-failure,refused-stream.
  const words = all.filter((text) => /[a-z] [a-z]|^[a-z]{6,}$/.test(text))
  expect(words.filter((text) => REMARKS_ZH[text] === undefined)).toEqual([])
  expect(Object.keys(REMARKS_ZH).filter((text) => !all.includes(text))).toEqual([])
})

test('what holds without a field is told in the language of the page', () => {
  const schema = { type: 'string' as const, description: 'Longest time for the whole request.', 'x-default': '15s' }
  expect(docText(schema, 'zh')).toBe('整个请求的最长时间。 默认：15s。')
  expect(docText(schema, 'en')).toBe('Longest time for the whole request. Default: 15s.')
})
