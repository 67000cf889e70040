import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CODES } from '../../../controlplane/diagnostics/codes.ts'
import { en } from './en/index.ts'
import { problems, zh } from './zh/index.ts'

/** Codes that are given in other ways than `new ApiError`. */
const ELSEWHERE = [
  'BAD_REQUEST',
  'CONFLICT',
  'INTERNAL',
  'INVALID',
  'METHOD_NOT_ALLOWED',
  'TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNKNOWN',
  'LOGIN_NEEDED',
]

const src = fileURLToPath(new URL('..', import.meta.url))
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !file.includes('.test.') && !/^(i18n|yaml)\//.test(file))
  .map((file) => readFileSync(`${src}/${file}`, 'utf8'))

const areas = Object.entries(en) as [string, Record<string, string>][]
const dictionary = (area: string) => (zh as Record<string, Record<string, string>>)[area] ?? {}
const stem = (key: string) => key.replace(/_(one|other)$/, '')

/** Files that take texts from an area: `useTranslation('area')`, or `area:` before a key. */
function usersOf(area: string): readonly string[] {
  if (area === 'common') return sources
  return sources.filter(
    (text) =>
      text.includes(`useTranslation('${area}')`) ||
      text.includes(`'${area}:`) ||
      text.includes(`\`${area}:`) ||
      text.includes(`'${area}'`),
  )
}

/** A key stands in quotes, or is made of a fixed beginning: `state.${state}`. */
function isUsed(key: string, texts: readonly string[]): boolean {
  const beginnings = [...key.matchAll(/\./g)].map(({ index }) => key.slice(0, index + 1))
  return texts.some(
    (text) =>
      new RegExp(`['"\`:]${key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"\`]`).test(text) ||
      beginnings.some((beginning) => text.includes(`\`${beginning}\${`) || text.includes(`:${beginning}\${`)),
  )
}

describe('texts', () => {
  it.each(areas)('%s: Chinese has the keys of English, and no other', (area, texts) => {
    const expected = Object.keys(texts).filter((key) => !key.endsWith('_one'))
    expect(Object.keys(dictionary(area)).sort()).toEqual(expected.sort())
  })

  it.each(areas)('%s: both languages fill in the same values', (area, texts) => {
    const values = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map(([, name]) => name).sort()
    const wrong = Object.entries(dictionary(area)).filter(
      ([key, text]) => JSON.stringify(values(text)) !== JSON.stringify(values(texts[key]!)),
    )
    expect(wrong).toEqual([])
  })

  it.each(areas)('%s: every text is used somewhere', (area, texts) => {
    const users = usersOf(area)
    const unused = [...new Set(Object.keys(texts).map(stem))].filter((key) => !isUsed(key, users))
    expect(unused).toEqual([])
  })

  it('counts have both English forms', () => {
    for (const [area, texts] of areas)
      for (const key of Object.keys(texts))
        if (/_(one|other)$/.test(key)) expect(texts, `${area}: ${key}`).toHaveProperty([`${stem(key)}_one`])
  })
})

describe('codes', () => {
  const root = fileURLToPath(new URL('../../../controlplane', import.meta.url))
  const code = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name!)
  const api = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('.test.'))
    .flatMap((file) => code(readFileSync(`${root}/${file}`, 'utf8'), /new ApiError\(\s*\d+,\s*'([A-Z_]+)'/g))
  const storage = code(readFileSync(`${root}/ledger/storage-error.ts`, 'utf8'), /^ {2}\| '([A-Z_]+)'/gm)
  const yaml = code(readFileSync(`${src}/yaml/errors.ts`, 'utf8'), /^ {2}\| '([A-Z_]+)'/gm).map(
    (name) => `yaml.${name}`,
  )

  it('of the API, of complaints and of the editor are explained in Chinese, and none that is not there', () => {
    const known = [...new Set([...api, ...storage, ...yaml, ...Object.keys(CODES), ...ELSEWHERE])]
    expect(api.length).toBeGreaterThan(10)
    expect(storage.length).toBeGreaterThan(4)
    expect(yaml.length).toBeGreaterThan(8)
    expect(known.filter((name) => problems[name] === undefined)).toEqual([])
    expect(Object.keys(problems).filter((name) => !known.includes(name))).toEqual([])
  })
})
