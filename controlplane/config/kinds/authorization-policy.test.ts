import { describe, expect, it } from 'vitest'
import { checkSpec } from '../../../test/helpers/config-documents.ts'

describe('AuthorizationPolicy', () => {
  const check = (spec: string) => checkSpec('security.istio.io/v1', 'AuthorizationPolicy', spec)
  it.each([
    ['{action: DENY}', 'FIELD_REQUIRED spec.rules'],
    ['{action: CUSTOM, rules: [{}]}', 'FIELD_REQUIRED spec.provider.name'],
    ['{provider: {name: x}}', 'FIELD_VALUE spec.provider'],
    ['{action: DENY, rules: []}', 'FIELD_REQUIRED spec.rules'],
    ['{rules: [{from: []}]}', 'FIELD_QUESTIONABLE spec.rules[0].from'],
    ['{rules: [{from: [{}]}]}', 'FIELD_REQUIRED spec.rules[0].from[0].source'],
    ['{rules: [{from: [{source: {}}]}]}', 'FIELD_VALUE spec.rules[0].from[0].source'],
    ['{rules: [{from: [{source: {ipBlocks: [1.2.3]}}]}]}', 'FIELD_VALUE spec.rules[0].from[0].source.ipBlocks[0]'],
    ['{rules: [{from: [{source: {principals: [""]}}]}]}', 'FIELD_VALUE spec.rules[0].from[0].source.principals[0]'],
    [
      '{rules: [{from: [{source: {serviceAccounts: [a/b/c]}}]}]}',
      'FIELD_VALUE spec.rules[0].from[0].source.serviceAccounts[0]',
    ],
    ['{rules: [{to: [{operation: {ports: ["70000"]}}]}]}', 'FIELD_VALUE spec.rules[0].to[0].operation.ports[0]'],
    ['{rules: [{to: [{operation: {paths: ["/{**}/a/{*}"]}}]}]}', 'FIELD_VALUE spec.rules[0].to[0].operation.paths[0]'],
    ['{rules: [{to: [{operation: {paths: ["/{a}"]}}]}]}', 'FIELD_VALUE spec.rules[0].to[0].operation.paths[0]'],
    ['{rules: [{when: [{key: source.ip}]}]}', 'FIELD_VALUE spec.rules[0].when[0]'],
    ['{rules: [{when: [{key: source.ip, values: [x]}]}]}', 'FIELD_VALUE spec.rules[0].when[0].values[0]'],
    ['{rules: [{when: [{key: nothing, values: [x]}]}]}', 'FIELD_VALUE spec.rules[0].when[0].key'],
    ['{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}', 'FIELD_QUESTIONABLE spec.rules[0]'],
  ])('%s', (spec, problem) => expect(check(spec)).toEqual([problem]))
})
