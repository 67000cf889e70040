import { expect, test } from 'vitest'
import { kindSchema } from '../../../test/helpers/kind-schemas.ts'
import { docText } from '../editor/context-at.ts'
import { DOCS_ZH, REMARKS_ZH, TITLES_ZH } from './docs-zh.ts'

const REMARKS = ['x-default', 'x-deprecated', 'x-unsupported']
/** Kinds whose forms show every field. */
const KINDS = ['VirtualService', 'DestinationRule', 'MsgRouter', 'MetaRouter', 'Protocol']

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

test('the ways to write a field have names in Chinese', () => {
  const all = new Set(KINDS.flatMap((kind) => [...textsUnder(['title'], kindSchema(kind))]))
  const names = [...all].filter((text) => !KINDS.includes(text))
  expect(names.filter((text) => TITLES_ZH[text] === undefined)).toEqual([])
  expect(Object.keys(TITLES_ZH).filter((text) => !names.includes(text))).toEqual([])
})

/** All texts of a schema under some keys. */
function textsUnder(
  keys: readonly string[],
  schema: unknown,
  found = new Set<string>(),
  seen = new Set<unknown>(),
): ReadonlySet<string> {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return found
  seen.add(schema)
  for (const [key, value] of Object.entries(schema)) {
    if (keys.includes(key) && typeof value === 'string') found.add(value)
    else textsUnder(keys, value, found, seen)
  }
  return found
}

test('what holds without a field, and what is wrong with one, is told in Chinese where it is told in words', () => {
  const all = [...new Set(KINDS.flatMap((kind) => [...textsUnder(REMARKS, kindSchema(kind))]))]
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
