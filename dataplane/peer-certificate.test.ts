import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { testCa } from '../test/helpers/certificates.ts'
import { alternativeNames, certificateProblem, contextParameters } from './peer-certificate.ts'

describe('names of a certificate', () => {
  it('are the values of what Node prints', () => {
    expect([...alternativeNames('DNS:a.com, URI:spiffe://x/a, IP Address:::1, email:a@b.c')]).toEqual([
      'a.com',
      'spiffe://x/a',
      '::1',
      'a@b.c',
    ])
  })

  it('are not cut out of a value that holds what looks like another name', () => {
    expect([...alternativeNames('URI:"spiffe://x/a, DNS:b.com, \\"c", DNS:d.com')]).toEqual([
      'spiffe://x/a, DNS:b.com, "c',
      'd.com',
    ])
  })

  it('are none where it has none', () => expect([...alternativeNames('')]).toEqual([]))
})

describe('a certificate', () => {
  it('is told with the names it has instead of those wanted', async () => {
    const { cert } = await (await testCa()).issue('a', { uri: ['spiffe://x/a'] })
    const certificate = new X509Certificate(cert)
    expect(certificateProblem(certificate, { subjectAltNames: ['spiffe://x/a'] })).toBeUndefined()
    expect(certificateProblem(certificate, { subjectAltNames: ['b.com', '10.0.0.1'] })).toBe(
      'the certificate holds none of the names b.com, 10.0.0.1, but URI:spiffe://x/a',
    )
  })

  it('may hold an address or a wildcard', async () => {
    const { cert } = await (await testCa()).issue('a', { dns: ['*.shop.com'], ip: ['10.0.0.1', '::1'] })
    const problem = (name: string) => certificateProblem(new X509Certificate(cert), { subjectAltNames: [name] })
    expect(['a.shop.com', '10.0.0.1', '::1'].map(problem)).toEqual([undefined, undefined, undefined])
    expect(problem('a.b.shop.com')).toMatch(/none of the names/)
  })
})

it('suites of TLS 1.3 stay when others are chosen, since Node would leave out TLS 1.3', () => {
  expect(contextParameters({ cipherSuites: ['AES128-SHA'] }).ciphers).toMatch(/^TLS_.*:AES128-SHA$/)
})
