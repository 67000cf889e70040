import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { kindSchema } from '../../../test/helpers/kind-schemas.ts'
import { edit, readDocuments } from '../yaml/index.ts'
import { alternativesOf, inOtherWay, wayOf } from './alternatives.ts'
import { controlsOf } from './controls.ts'
import { same, setField } from './edits.ts'
import { keptFields } from './fields.ts'
import { conditionSummary, fieldNames, fieldSummary, lastField, protocolStart, renameField } from './protocol.ts'
import { type FieldSchema, schemaAt, valueAt } from './schema.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const schema = kindSchema('Protocol')!

/** Every Protocol document of the repository. */
const documents = ['codecs', 'examples']
  .flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
  )
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => {
    const text = readFileSync(`${root}/${file}`, 'utf8')
    return readDocuments(text)
      .filter(({ value, error }) => !error && (value as { kind?: unknown } | null)?.kind === 'Protocol')
      .map(({ document, value }) => ({ name: `${basename(dirname(file))}/${basename(file)}`, text, document, value }))
  })

describe('a Protocol as a form', () => {
  it('shows every value of every document that comes with the program', () => {
    expect(documents.length).toBeGreaterThan(25)
    for (const { name, value } of documents) expect([name, keptFields(schema, value)]).toEqual([name, []])
  })

  it('that is opened and saved untouched changes no byte', () => {
    for (const { name, text, value } of documents) {
      const edits = controlsOf(schema, value).flatMap(({ path, value: held }) =>
        setField(value, path, structuredClone(held)),
      )
      expect([name, edits]).toEqual([name, []])
      expect(edit(text, edits).text).toBe(text)
    }
  })

  it('changes the one value whose control is changed, and says it as it was meant', () => {
    for (const { name, text, document, value } of documents) {
      const controls = controlsOf(schema, value)
      const every = Math.max(1, Math.floor(controls.length / 4))
      for (const one of controls.filter((_, index) => index % every === 0)) {
        const next = typeof one.value === 'number' ? one.value + 1 : typeof one.value === 'boolean' ? !one.value : 'x'
        const edits = setField(value, one.path, next).map((made) => ({ ...made, document }))
        const result = edit(text, edits, { sharing: 'everywhere' })
        const now = readDocuments(result.text)[document]!.value
        expect(same(valueAt(now, one.path), next), `${name} ${one.path.join('.')}`).toBe(true)
        const back = edit(
          result.text,
          setField(now, one.path, one.value).map((made) => ({ ...made, document })),
          {
            sharing: 'everywhere',
          },
        )
        expect(same(readDocuments(back.text)[document]!.value, value), `${name} ${one.path.join('.')}`).toBe(true)
      }
    }
  })

  it('begins what is added with something that can be', () => {
    const at = (...path: readonly (string | number)[]) => protocolStart(['spec', ...path])
    expect(at('frame', 'length')).toEqual({ at: 0, type: 'u32', counts: 'all' })
    expect(at('variants', 0, 'frame')).toEqual({ length: { at: 0, type: 'u32', counts: 'all' } })
    expect(at('message', 'id', 1)).toEqual({ at: 0, type: 'u32' })
    expect(at('message', 'kind')).toMatchObject({ is: { 1: 'request', 2: 'response' } })
    expect(at('fields', 'first')).toEqual({ at: 0, type: 'u8' })
    expect(protocolStart(['spec', 'fields', 'next'], ['first'])).toEqual({ after: 'first', type: 'u32' })
    expect(at('description')).toBeUndefined()
  })

  it('knows the fields that places and conditions can name, and says a field in a line', () => {
    const arena = documents.find(({ name }) => name.endsWith('arena.protocol.yaml'))!.value
    expect(fieldNames(arena)).toEqual(['msgid', 'player', 'kind', 'id', 'flags'])
    expect([lastField(arena, []), lastField(arena, ['a', 'b']), lastField({}, [])]).toEqual([['id'], ['b'], []])
    expect(fieldSummary({ at: 16, type: 'u64', doc: 'Who asks.' })).toBe('u64 @16')
    expect(fieldSummary({ in: 'headers', key: 'service' })).toBe('headers[service]')
    expect(fieldSummary({ in: 'meta', pb: [1, 2], type: 'string' })).toBe('meta.1.2 string')
    expect(fieldSummary({ after: 'verb', type: 'str', size: 'rest' })).toBe('str ← verb (rest)')
    expect(conditionSummary({ verb: ['GET', 'PUT'], flags: { mask: 128 } })).toBe('verb = GET, PUT & flags {mask: 128}')
  })
})

describe('ways to write a field', () => {
  const spec = (...path: string[]) => schemaAt(schema, ['spec', ...path])!
  const way = (declared: FieldSchema, value: unknown) => {
    const ways = alternativesOf(declared)
    return ways[wayOf(ways, value)]?.title
  }

  it('are told apart by what is written', () => {
    const kind = spec('message', 'kind')
    expect(alternativesOf(kind).map(({ title }) => title)).toEqual([undefined, 'a field', 'rules'])
    expect(['push', { at: 1 }, [{ is: 'request' }]].map((value) => way(kind, value))).toEqual([
      undefined,
      'a field',
      'rules',
    ])
    const condition = (spec('message', 'error') as { additionalProperties: FieldSchema }).additionalProperties
    const values = [5, ['a', 5], { mask: 1 }, { mask: 1, equals: 0 }, { not: 3 }, { min: 1 }, { max: 2, min: 1 }]
    expect(values.map((value) => way(condition, value))).toEqual([
      ...[undefined, undefined, 'bits', 'bits', 'anything but', 'range', 'range'],
    ])
    const error = spec('reply', 'error')
    expect([way(error, 'close'), way(error, { from: 'request' })]).toEqual(['none: the connection ends', 'a frame'])
    const more = spec('message', 'more')
    expect([way(more, true), way(more, { last: 0 })]).toEqual(['always', 'by conditions'])
  })

  it('are none where one control shows them all', () => {
    for (const path of [['frame', 'until'], ['frame', 'max'], ['connections'], ['ordered']])
      expect(alternativesOf(spec(...path))).toEqual([])
  })

  it('keep what can stay: one is the first of several, several that are one are that', () => {
    const check = spec('frame', 'check')
    const [one, several] = alternativesOf(check)
    expect(inOtherWay(several!.schema, { at: 4 })).toEqual([{ at: 4 }])
    expect(inOtherWay(one!.schema, [{ at: 4 }])).toEqual({ at: 4 })
    expect(inOtherWay(one!.schema, [{ at: 4 }, { at: 5 }])).toBeUndefined()
  })
})

it('a field that gets another name keeps its place, and what stands behind it says the new one', () => {
  const text = `kind: Protocol
spec:
  message: { id: { at: 4, type: u32 } }
  fields:
    player: { after: id, type: str(u8) } # who
    room: { after: player, type: str(u8) }
    tail: { variants: [{ after: player }, { after: room }] }
`
  const { value } = readDocuments(text)[0]!
  expect(edit(text, renameField(value, ['spec', 'fields'], 'player', 'gamer')).text).toBe(
    text.replace('player:', 'gamer:').replaceAll('after: player', 'after: gamer'),
  )
})
