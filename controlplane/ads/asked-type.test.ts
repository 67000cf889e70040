import { expect, test } from 'vitest'
import { TYPE_URL } from '../../proto/types.ts'
import type { DiscoveryRequest } from '../subscription/request.ts'
import { askedType, wrongType } from './asked-type.ts'

const about = (typeUrl: string) => ({ typeUrl }) as DiscoveryRequest
const aggregated = { form: 'delta', type: undefined } as const
const clusters = { form: 'delta', type: 'cds' } as const

test.each([
  ['an aggregated stream says of each request what it is about', aggregated, TYPE_URL.rds, 'rds'],
  ['a type nobody serves is none', aggregated, 'type.googleapis.com/some.Other', undefined],
  ['an aggregated stream that does not say is about none', aggregated, '', undefined],
  ['a service of one type need not say', clusters, '', 'cds'],
  ['a service of one type may say', clusters, TYPE_URL.cds, 'cds'],
  ['a service of one type serves no other', clusters, TYPE_URL.rds, undefined],
] as const)('%s', (_, method, typeUrl, type) => {
  expect(askedType(method, about(typeUrl))).toBe(type)
})

test('what is wrong is said; a type that nobody serves is not', () => {
  expect(wrongType(clusters, about(TYPE_URL.rds))).toBe(`this service serves ${TYPE_URL.cds}, not ${TYPE_URL.rds}`)
  expect(wrongType(aggregated, about(''))).toContain('the request has no type_url')
  expect(wrongType(aggregated, about('type.googleapis.com/some.Other'))).toBeUndefined()
})
