import { describe, expect, it } from 'vitest'
import { testCa } from '../../../test/helpers/certificates.ts'
import { brief, checkYaml } from '../../../test/helpers/config-documents.ts'

const ca = await testCa()
const [own, other] = await Promise.all([ca.issue('a.local', {}), ca.issue('b.local', {})])
const yaml = (type: string, values: Readonly<Record<string, string>>) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'c' },
    type,
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  })
const check = (type: string, values: Readonly<Record<string, string>>) => brief(checkYaml(yaml(type, values)))
const TLS = 'kubernetes.io/tls'

describe('a Secret', () => {
  it('holds a certificate and its key', () =>
    expect(check(TLS, { 'tls.crt': own.cert, 'tls.key': own.key, 'ca.crt': own.cert })).toEqual([]))
  it('may hold anything when it is no certificate', () => expect(check('Opaque', { password: 'x' })).toEqual([]))
  it('needs both of them', () =>
    expect(check(TLS, { 'tls.crt': own.cert })).toEqual(['FIELD_REQUIRED data["tls.key"]']))
  it('holds a key that belongs to the certificate', () =>
    expect(check(TLS, { 'tls.crt': own.cert, 'tls.key': other.key })).toEqual(['SECRET_INVALID data["tls.key"]']))
  it('holds PEM', () =>
    expect(check(TLS, { 'tls.crt': 'x', 'tls.key': 'y' })).toEqual([
      'SECRET_INVALID data["tls.crt"]',
      'SECRET_INVALID data["tls.key"]',
    ]))
  it('holds base64 below data', () => {
    expect(brief(checkYaml('apiVersion: v1\nkind: Secret\nmetadata: {name: c}\ndata: {a: "plain text!"}'))).toEqual([
      'SECRET_INVALID data.a',
    ])
  })
  it('never shows a private key in a complaint', () => {
    const text = JSON.stringify(checkYaml(yaml(TLS, { 'tls.crt': own.cert, 'tls.key': `${own.key.slice(0, 200)}x` })))
    expect(text).not.toContain(own.key.slice(60, 100))
  })
})
