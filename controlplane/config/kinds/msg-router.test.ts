import { describe, expect, it } from 'vitest'
import { brief, checkSpec, checkYaml, load } from '../../../test/helpers/config-documents.ts'

const check = (spec: string) => checkSpec('meshgate.io/v1', 'MsgRouter', spec)

describe('MsgRouter', () => {
  it('the short form is enough, thousands of them in one file, without apiVersion and metadata', () => {
    const { objects, diagnostics } = load({
      'ids.yaml': `
kind: MsgRouter
spec: {msgid: 100000, svrName: test.serviceA, port: 12345}
---
kind: MsgRouter
metadata: {namespace: game}
spec: {msgid: "0x10-0x20", svrName: test.serviceA}
---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: mine}
spec: {msgid: [1, 2], svrName: test.serviceA}
`,
    })
    expect(diagnostics).toEqual([])
    expect([...objects.keys()].sort()).toEqual([
      'MsgRouter/default/mine',
      'MsgRouter/default/msgid-100000',
      'MsgRouter/game/msgid-0x10-0x20',
    ])
  })

  it('two documents for one id without names are the same object twice', () => {
    const one = 'kind: MsgRouter\nspec: {msgid: 5, svrName: a}\n'
    const { objects, diagnostics } = load({ 'ids.yaml': `${one}---\n${one}` })
    expect(objects.size).toBe(1)
    expect(diagnostics.map(({ code }) => code)).toEqual(['OBJECT_DUPLICATE'])
  })

  it('what cannot name itself needs a name', () => {
    expect(brief(checkYaml('kind: MsgRouter\nspec: {match: [{uid: 1}], svrName: a}\n'))).toEqual(['METADATA_INVALID'])
    expect(brief(checkYaml('kind: VirtualService\nspec: {}\n'))).toEqual(['DOCUMENT_INVALID'])
  })

  it.each([
    '{msgid: 1, svrName: test.serviceA, subset: v1, port: 1}',
    '{msgid: "18446744073709551615", svrName: a}',
    '{msgid: [1, "5-9", "0xff"], route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 1}]}',
    '{match: [{uid: 5, area: {range: {first: 1, last: 9}}}, {name: [a, b]}], svrName: a, hashKey: [uid, sourceIp]}',
    '{match: [{uid: {range: {first: 0xa000000000000000, last: 18446744073709551615}}}], svrName: a}',
    '{match: [{uid: {range: {first: -5, last: "7"}}}], svrName: a}',
    '{msgid: 1, reply: {code: 7, message: closed}}',
    '{routes: [{msgid: 1, svrName: a}, {svrName: b}], gateways: [mesh, ns/edge], priority: -5}',
    '{msgid: 1, svrName: a, timeout: 0s, retries: {attempts: 2, idempotent: true, retryOn: [reset]}, connection: bound}',
    '{msgid: 1, svrName: a, fault: {abort: {percentage: {value: 0.5}, code: 9}}, mirror: {host: b}, mirrorPercentage: {value: 1}}',
    '{msgid: 1, svrName: a, localRateLimit: [{per: [uid], tokenBucket: {maxTokens: 5, fillInterval: 1s}}]}',
    '{msgid: 1, svrName: a, requestMutation: [{field: uid, value: 5}, {field: headers.x, remove: true}]}',
  ])('accepts %s', (spec) => expect(check(spec)).toEqual([]))

  it.each([
    ['{match: [{uid: {range: {first: 1-9}}}], svrName: a}', 'FIELD_VALUE spec.match[0].uid.range.first'],
    [
      '{match: [{uid: {range: {first: 18446744073709551615, last: 18446744073709551614}}}], svrName: a}',
      'FIELD_VALUE spec.match[0].uid.range',
    ],
    ['{match: [{uid: {range: {first: 1.5}}}], svrName: a}', 'FIELD_VALUE spec.match[0].uid.range.first'],
    ['{match: [{uid: {range: [1, 9]}}], svrName: a}', 'FIELD_TYPE spec.match[0].uid.range'],
    ['{match: [{uid: {regex: "("}}], svrName: a}', 'FIELD_VALUE spec.match[0].uid.regex'],
    ['{match: [{uid: {}}], svrName: a}', 'FIELD_REQUIRED spec.match[0].uid'],
    ['{msgid: 1}', 'FIELD_REQUIRED spec.svrName'],
    ['{msgid: 1, svrName: a, route: [{destination: {host: b}}]}', 'FIELD_CONFLICT spec.route'],
    ['{msgid: 1, svrName: a, routes: [{svrName: b}]}', 'FIELD_CONFLICT spec.routes'],
    ['{msgid: 9-5, svrName: a}', 'FIELD_VALUE spec.msgid'],
    ['{msgid: 1.5, svrName: a}', 'FIELD_VALUE spec.msgid'],
    ['{msgid: [1, x], svrName: a}', 'FIELD_VALUE spec.msgid[1]'],
    ['{match: [{a: {regex: "("}}], svrName: a}', 'FIELD_VALUE spec.match[0].a.regex'],
    ['{match: [{a: {}}], svrName: a}', 'FIELD_REQUIRED spec.match[0].a'],
    [
      '{msgid: 1, route: [{destination: {host: a}, weight: 0}, {destination: {host: b}, weight: 0}]}',
      'FIELD_VALUE spec.route',
    ],
    ['{msgid: 1, route: [{destination: {host: a}}], port: 5}', 'FIELD_NO_EFFECT spec.port'],
    [
      '{msgid: 1, svrName: a, mirror: {host: b}, mirrorPercentage: {value: 101}}',
      'FIELD_VALUE spec.mirrorPercentage.value',
    ],
    ['{msgid: 1, svrName: a, requestMutation: [{field: x}]}', 'FIELD_CONFLICT spec.requestMutation[0]'],
    ['{msgid: 1, svrName: a, timeuot: 1s}', 'FIELD_UNKNOWN spec.timeuot'],
  ])('complains about %s', (spec, expected) => expect(check(spec)).toContain(expected))
})
