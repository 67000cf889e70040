import { beforeAll, describe, expect, test } from 'vitest'
import { type TestCa, testCa } from '../../../test/helpers/certificates.ts'
import { load } from '../../../test/helpers/config-documents.ts'
import { analyzeInSteps, finish } from './analyze.ts'

const HOUR = 3_600_000
let ca: TestCa
beforeAll(async () => {
  ca = await testCa()
})

const indented = (text: string) => text.trim().replaceAll('\n', '\n    ')

async function secret(name: string, names: Parameters<TestCa['issue']>[1]): Promise<string> {
  const { cert, key } = await ca.issue('leaf', names)
  return `
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: default}
stringData:
  tls.crt: |
    ${indented(cert)}
  tls.key: |
    ${indented(key)}
`
}

function gateway(hosts: readonly string[], tls: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: default}
spec:
  selector: {app: gateway}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: [${hosts.map((host) => JSON.stringify(host)).join(', ')}]
      tls: {mode: SIMPLE, ${tls}}
`
}

const CODES = ['CERTIFICATE_NOT_VALID', 'CERTIFICATE_EXPIRES', 'GATEWAY_CERTIFICATE_HOST']
const said = (yaml: string, now = Date.now()) =>
  finish(analyzeInSteps(load({ 'test.yaml': yaml }), undefined, [], now))
    .diagnostics.filter(({ code }) => CODES.includes(code))
    .map(({ code, path, message }) => `${code} ${path}: ${message}`)

test('a Secret says when its certificate ends soon, is over or has not begun, at the value', async () => {
  const yaml = await secret('shop', { validMs: 100 * HOUR })
  expect(said(yaml, Date.now())).toEqual([])
  expect(said(yaml, Date.now() + 96 * HOUR)).toEqual([
    expect.stringMatching(
      /^CERTIFICATE_EXPIRES spec\.stringData\["tls\.crt"\]: the certificate of CN=leaf expires in 3 hours/,
    ),
  ])
  expect(said(yaml, Date.now() + 200 * HOUR)).toEqual([
    expect.stringMatching(/^CERTIFICATE_NOT_VALID .* expired 4 days ago/),
  ])
  expect(said(yaml, Date.now() - 60 * HOUR)).toEqual([
    expect.stringMatching(/^CERTIFICATE_NOT_VALID .* is not valid yet/),
  ])
})

test('the same configuration is looked at again in the next hour, and only then', async () => {
  const config = load({ 'test.yaml': await secret('shop', { validMs: 2 * HOUR }) })
  const now = Math.floor(Date.now() / HOUR) * HOUR
  const before = finish(analyzeInSteps(config, undefined, [], now))
  const later = (ms: number) => finish(analyzeInSteps(config, before, [], now + ms)).diagnostics
  expect(later(HOUR - 1)).toEqual(before.diagnostics)
  expect(later(4 * HOUR).map(({ code }) => code)).toEqual(['CERTIFICATE_NOT_VALID'])
})

describe('hosts of a gateway', () => {
  const check = async (hosts: readonly string[], names: Parameters<TestCa['issue']>[1]) =>
    said(`${await secret('shop', names)}---${gateway(hosts, 'credentialName: shop')}`)
  test('that the certificate is not for are told, with what it is for', async () => {
    expect(await check(['a.example', './b.example'], { dns: ['a.example'] })).toEqual([
      expect.stringMatching(
        /^GATEWAY_CERTIFICATE_HOST spec\.servers\[0\]\.hosts\[1\]: the certificate for b\.example is for a\.example \(Secret shop, .*:\d+\)$/,
      ),
    ])
    expect(await check(['deep.a.example'], { dns: ['*.example'] })).toHaveLength(1)
    expect(await check(['*.b.example'], { dns: ['*.example'] })).toHaveLength(1)
  })
  test('nothing is said of those it is for', async () => {
    expect(await check(['a.shop.example', '*'], { dns: ['*.shop.example'] })).toEqual([])
    expect(await check(['*.a.example'], { dns: ['*.a.example'] })).toEqual([])
    expect(await check(['*.a.example'], { dns: ['shop.a.example'] })).toEqual([])
    expect(await check(['leaf'], {})).toEqual([])
  })
  test('one of several certificates is enough', async () => {
    const yaml = [
      await secret('a', { dns: ['a.example'] }),
      await secret('b', { dns: ['b.example'] }),
      gateway(['a.example', 'b.example'], 'credentialNames: [a, b]'),
    ].join('---')
    expect(said(yaml)).toEqual([])
  })
})
