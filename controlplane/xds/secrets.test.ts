import { describe, expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createModel, type ProxyClass } from '../model/index.ts'
import { credentialCaName, credentialSecretName } from './names.ts'
import { compileSecret, secretNames } from './secrets.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

const YAML = `
apiVersion: v1
kind: Secret
metadata: {name: shop, namespace: edge}
spec: {type: kubernetes.io/tls, data: {tls.crt: ${base64('CERT')}, tls.key: ${base64('KEY')}, ca.crt: ${base64('CA')}}}
---
apiVersion: v1
kind: Secret
metadata: {name: other-cacert, namespace: edge}
spec: {stringData: {cacert: ROOT}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g, namespace: edge}
spec:
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ["*"]
    tls: {mode: SIMPLE, serverCertificate: /etc/a.pem, privateKey: /etc/a.key}
`

function secret(name: string, proxy: Partial<ProxyClass> = {}) {
  const model = createModel()
  model.world.commit(configObjects(YAML))
  const of: ProxyClass = {
    key: '',
    type: 'router',
    namespace: 'edge',
    labels: {},
    locality: undefined,
    httpPort: 0,
    secretsAllowed: true,
    ...proxy,
  }
  return { found: compileSecret(model.world, of, name), names: secretNames(model.world, of) }
}

describe('secrets', () => {
  it('a credential may say that it is a Secret', () => {
    for (const credential of ['shop', 'kubernetes://shop', 'kubernetes://edge/shop', 'kubernetes-gateway://edge/shop'])
      for (const name of [credentialSecretName(credential), credentialCaName(credential)])
        expect(secret(name).found, name).toBeDefined()
  })
  it('a credential is certificate and key of a Secret', () => {
    const { type } = secret('kubernetes://shop').found!.message
    expect(type.case === 'tlsCertificate' && type.value.certificateChain?.specifier.value?.toString()).toBe('CERT')
    expect(type.case === 'tlsCertificate' && type.value.privateKey?.specifier.value?.toString()).toBe('KEY')
  })

  it.each([
    ['kubernetes://shop-cacert', 'CA'],
    ['kubernetes://other-cacert', 'ROOT'],
  ])('%s: the CA certificates beside a credential, or a Secret of that very name', (name, expected) => {
    const { type } = secret(name).found!.message
    expect(type.case === 'validationContext' && type.value.trustedCa?.specifier.value?.toString()).toBe(expected)
  })

  it('never to a proxy of another namespace, however it asks', () => {
    expect(secret('kubernetes://shop', { namespace: 'shop' }).found).toBeUndefined()
    expect(secret('kubernetes://edge/shop', { namespace: 'shop' }).found).toBeUndefined()
    expect(secret('kubernetes://edge/shop').found).toBeDefined()
    expect(secret('', { namespace: 'shop' }).names).toEqual([])
  })

  it('never to a stream that may not have secrets', () => {
    expect(secret('kubernetes://shop', { secretsAllowed: false })).toEqual({ found: undefined, names: [] })
  })

  it('files are named, not read, and watched; the place that names them is known', () => {
    const { message, origins } = secret('file-cert:/etc/a.pem~/etc/a.key', { secretsAllowed: false }).found!
    expect(message.type.case === 'tlsCertificate' && message.type.value).toMatchObject({
      certificateChain: { specifier: { case: 'filename', value: '/etc/a.pem' } },
      privateKey: { specifier: { case: 'filename', value: '/etc/a.key' } },
      watchedDirectory: { path: '/etc' },
    })
    expect(origins.map(({ path }) => path)).toEqual([['spec', 'servers', 0, 'tls', 'serverCertificate']])
  })

  it('names for dumps are those of the own namespace', () => {
    expect(secret('').names).toEqual(['kubernetes://shop', 'kubernetes://shop-cacert', 'kubernetes://other-cacert'])
  })
})
