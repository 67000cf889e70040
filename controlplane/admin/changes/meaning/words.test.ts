import { describe, expect, it } from 'vitest'
import { jsonSchemaOf } from '../../../config/json-schema.ts'
import { destinationRule } from '../../../config/kinds/destination-rule.ts'
import { loadConfig } from '../../../config/load.ts'
import { MemorySource } from '../../../sources/index.ts'
import { meaningOf } from './meaning.ts'
import { fieldWords, placeWords, valueWords } from './words.ts'

const objects = (text: string) => loadConfig(MemorySource.of({ 'a.yaml': text }).snapshot).objects
const rule = (spec: string) =>
  objects(
    `kind: DestinationRule\napiVersion: networking.istio.io/v1\nmetadata: { name: a }\nspec: { host: a, ${spec} }\n`,
  )
const routes = (http: string) =>
  objects(
    `kind: VirtualService\napiVersion: networking.istio.io/v1\nmetadata: { name: a }\nspec: { hosts: [a], http: [{ ${http} }] }\n`,
  )
const TO = 'route: [{ destination: { host: a } }]'
const said = (before: ReturnType<typeof rule>, after: ReturnType<typeof rule>) =>
  meaningOf(before, after).map(({ text }) => text)

/** One word is the same as the field's name in these. */
const SAME = new Set(
  'authority attempts enabled from labels match method mirrors name number path percent port ports regex scheme to version weight'.split(
    ' ',
  ),
)

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly $ref?: string
}

function fieldsOf(schema: Schema, within: string, found: Map<string, [string, string]>): void {
  for (const inner of schema.anyOf ?? []) fieldsOf(inner, within, found)
  if (schema.items) fieldsOf(schema.items, within, found)
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    found.set(`${within}.${name}`, [name, within])
    fieldsOf(inner, name, found)
  }
}

describe('words of a change', () => {
  it('every field of a traffic policy has a name in both languages', () => {
    const schema = jsonSchemaOf(destinationRule) as unknown as { properties: { spec: Schema } }
    const policy = schema.properties.spec.properties!['trafficPolicy']!
    const found = new Map<string, [string, string]>()
    fieldsOf(policy, 'trafficPolicy', found)
    expect(found.size).toBeGreaterThan(70)
    const nameless = [...found.values()].filter(([name, within]) => {
      const { en, zh } = fieldWords(name, within)
      return (en === name && zh === name && !SAME.has(name)) || zh === ''
    })
    expect(nameless).toEqual([])
  })

  it('limits that come are told in words', () => {
    expect(
      said(
        rule(''),
        rule('trafficPolicy: { connectionPool: { tcp: { maxConnections: 5 }, http: { maxRetries: 2 } } }'),
      ),
    ).toEqual([
      {
        en: 'a, connection limits: set to TCP most connections 5, HTTP most retries in flight 2',
        zh: 'a 连接池上限：设为 TCP 最大连接数 5，HTTP 最大并发重试数 2',
      },
    ])
  })

  it('a limit that changes is told by its name, that of a port by the port', () => {
    const of = (limit: number) =>
      rule(
        `trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, connectionPool: { tcp: { maxConnections: ${limit} } } }] }`,
      )
    expect(said(of(5), of(6))).toEqual([
      { en: 'a port 80, connection limits, most connections: 5 → 6', zh: 'a 端口 80 连接池上限 最大连接数：5 → 6' },
    ])
  })

  it('retries, match and labels of a subset', () => {
    expect(said(routes(`retries: { attempts: 2 }, ${TO}`), routes(`retries: { attempts: 3 }, ${TO}`))).toEqual([
      { en: 'route 1, retries, attempts: 2 → 3', zh: '路由 1 重试 次数：2 → 3' },
    ])
    expect(said(routes(`name: b, ${TO}`), routes(`name: b, match: [{ uri: { prefix: /x } }], ${TO}`))[0]).toEqual({
      en: 'route "b", match: set to path begins with /x',
      zh: '路由 "b" 匹配条件：设为 路径 前缀为 /x',
    })
    const subset = (version: string) => rule(`subsets: [{ name: v, labels: { version: ${version} } }]`)
    expect(said(subset('v1'), subset('v2'))).toEqual([
      { en: 'subset a v, labels version: v1 → v2', zh: '子集 a v 标签 version：v1 → v2' },
    ])
  })

  it('no value is told as JSON, whatever its shape', () => {
    const deep = { a: [{ b: null, c: [1, 2], d: {} }], e: { f: true, g: '' }, number: 8 }
    for (const text of Object.values(valueWords(deep))) expect(text).not.toMatch(/[{}[\]"]/)
    expect(valueWords(deep).en).toBe('a b empty, c 1, 2, d as by default, e (f yes, g empty), number 8')
    expect(placeWords(['http', 0, 'headers', 'uri']).en).toBe('HTTP 1 headers uri')
  })
})
