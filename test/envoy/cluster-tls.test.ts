import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Certificate, type TestCa, testCa } from '../helpers/certificates.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { type ClusterBed, clusterOf, MODES, rule, service, startClusterBed } from './cluster-bed.ts'

let ca: TestCa
let simple: Upstream
let mutual: Upstream
let folder: string

beforeAll(async () => {
  ca = await testCa()
  folder = testFolder('tls')
  const server = await ca.issue('shop', {
    dns: ['shop.test', 'other.test'],
    uri: ['spiffe://mesh/ns/default/sa/shop', 'spiffe://cluster.local/ns/default/sa/shop'],
  })
  simple = await startEcho('simple', { tls: server })
  mutual = await startEcho('mutual', { tls: { ...server, clientCa: ca.cert } })
})

/**
 * Puts certificate and key into a folder the way Kubernetes and most renewal tools do: both change at once, by one rename.
 */
async function install(place: string, generation: string, { cert, key }: Certificate): Promise<void> {
  await mkdir(join(place, generation), { recursive: true })
  await writeFile(join(place, generation, 'cert.pem'), cert)
  await writeFile(join(place, generation, 'key.pem'), key)
  await symlink(generation, join(place, '..new'))
  await rename(join(place, '..new'), join(place, '..data'))
}

describe.each(MODES)('TLS in Envoy, %s', (mode) => {
  let bed: ClusterBed
  let place: string

  beforeAll(async () => {
    place = join(folder, mode)
    await install(place, 'first', await ca.issue('client', { dns: ['client.test'] }))
    for (const name of ['cert.pem', 'key.pem']) await symlink(`..data/${name}`, join(place, name))
    const root = join(place, 'ca.pem')
    const stranger = join(place, 'stranger.pem')
    await writeFile(root, ca.cert)
    await writeFile(stranger, (await testCa('stranger')).cert)
    const client = await ca.issue('secret', { dns: ['secret.test'] })
    const files = `caCertificates: ${root}, clientCertificate: ${place}/cert.pem, privateKey: ${place}/key.pem`
    bed = await startClusterBed(
      mode,
      [
        service('plain', [simple]),
        service('trusted', [simple]),
        rule('trusted', `{tls: {mode: SIMPLE, caCertificates: ${root}}}`),
        service('stranger', [simple]),
        rule('stranger', `{tls: {mode: SIMPLE, caCertificates: ${stranger}}}`),
        service('nofile', [simple]),
        rule('nofile', `{tls: {mode: SIMPLE, caCertificates: ${folder}/absent.pem}}`),
        service('system', [simple]),
        rule('system', '{tls: {mode: SIMPLE}}'),
        service('careless', [simple]),
        rule('careless', '{tls: {mode: SIMPLE, insecureSkipVerify: true}}'),
        service('sni', [simple]),
        rule('sni', `{tls: {mode: SIMPLE, caCertificates: ${root}, sni: other.test}}`),
        service('name', [simple]),
        rule(
          'name',
          `{tls: {mode: SIMPLE, caCertificates: ${root}, subjectAltNames: ["spiffe://mesh/ns/default/sa/shop"]}}`,
        ),
        service('wrongname', [simple]),
        rule('wrongname', `{tls: {mode: SIMPLE, caCertificates: ${root}, subjectAltNames: [evil.test]}}`),
        service('mutual', [mutual]),
        rule('mutual', `{tls: {mode: MUTUAL, ${files}}}`),
        service('istio', [mutual]),
        rule('istio', `{tls: {mode: ISTIO_MUTUAL, ${files}, subjectAltNames: [shop.test]}}`),
        service('unshown', [mutual]),
        rule('unshown', `{tls: {mode: SIMPLE, caCertificates: ${root}}}`),
        service('secret', [mutual]),
        rule('secret', '{tls: {mode: MUTUAL, credentialName: shop}}'),
        ...['shop', 'other'].flatMap((account) => [
          service(`account-${account}`, [
            `{address: 127.0.0.1, ports: {http: ${mutual.port}}, serviceAccount: ${account}}`,
          ]),
          rule(`account-${account}`, '{tls: {mode: ISTIO_MUTUAL}}'),
        ]),
        `---\nkind: Mesh\nmetadata: {name: mesh}\nspec: {workloadCertificates: {certificate: ${place}/cert.pem, privateKey: ${place}/key.pem, caCertificates: ${root}}}\n`,
        service('h2', [simple], { protocol: 'grpc' }),
        rule('h2', `{tls: {mode: SIMPLE, caCertificates: ${root}}}`),
        `---\nkind: Secret\nmetadata: {name: shop}\nspec: {stringData: ${JSON.stringify({
          'tls.crt': client.cert,
          'tls.key': client.key,
          'ca.crt': ca.cert,
        })}}\n`,
      ].join(''),
    )
  })

  const seen = async (name: string, host = 'shop.test') => {
    const reply = await bed.get(clusterOf(name), { host })
    return reply.seen?.tls ?? reply.flags
  }

  test('SIMPLE: the authority is the SNI, and the certificate must be for it', async () => {
    expect(await seen('trusted')).toMatchObject({ serverName: 'shop.test' })
    expect(await seen('trusted', 'other.test')).toMatchObject({ serverName: 'other.test' })
    expect(await seen('trusted', 'evil.test')).toBe('UF')
  })

  test.each(['stranger', 'system', 'nofile'])('%s: a CA that did not sign the certificate refuses it', async (name) => {
    expect(await seen(name)).toBe('UF')
  })

  test('insecureSkipVerify accepts anything', async () => {
    expect(await seen('careless', 'evil.test')).toMatchObject({ serverName: 'evil.test' })
  })

  test('SNI and names of the rule', async () => {
    expect(await seen('sni')).toMatchObject({ serverName: 'other.test' })
    expect(await seen('name', 'evil.test')).toMatchObject({ serverName: 'evil.test' })
    expect(await seen('wrongname')).toBe('UF')
  })

  test('MUTUAL shows the certificate, from files or a Secret', async () => {
    expect(await seen('mutual')).toMatchObject({ peerNames: 'DNS:client.test' })
    expect(await seen('istio')).toMatchObject({
      serverName: 'outbound_.80_._.istio.test',
      peerNames: 'DNS:client.test',
    })
    expect(await seen('secret')).toMatchObject({ peerNames: 'DNS:secret.test' })
    expect(typeof (await seen('unshown'))).toBe('string')
  })

  test('ISTIO_MUTUAL without files of its own shows the certificate of the workload; that of the host must be for a service account of an endpoint', async () => {
    expect(await seen('account-shop')).toMatchObject({ peerNames: 'DNS:client.test' })
    expect(await seen('account-other')).toBe('UF')
  })

  test('gRPC ports offer HTTP/2 by ALPN', async () => {
    expect(await seen('h2')).toMatchObject({ alpn: 'h2' })
  })

  test('a renewed certificate is used without a new configuration', async () => {
    await install(place, 'second', await ca.issue('renewed', { dns: ['renewed.test'] }))
    await until(
      async () => {
        // A new connection each time: open ones keep the old certificate.
        await bed.get(clusterOf('mutual'), { headers: { 'x-echo-reset': '1' } })
        return seen('mutual')
      },
      (tls) => typeof tls === 'object' && tls.peerNames === 'DNS:renewed.test',
    )
  })

  afterAll(async () => {
    const rejected = await bed.envoy.rejected()
    // Only secrets: in one answer with the CA file that is not there, others are refused once too.
    for (const name of Object.keys(rejected)) expect(name).toMatch(/^sds\./)
  })
})
