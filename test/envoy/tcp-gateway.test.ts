import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Certificate, type TestCa, testCa } from '../helpers/certificates.ts'
import { type Seen, startEcho, startTcpEcho, type Upstream } from '../helpers/echo.ts'
import { testFolder } from '../helpers/folders.ts'
import { rulesFor, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { type HttpMesh, MODES } from './http-mesh.ts'
import { dial, handshake, networking, startMesh, tallyConnections, tcpService, who } from './tcp-bed.ts'

const NAMES = ['pass', 'tls', 'https', 'mutual', 'versions', 'files', 'tcp', 'late', 'foreign', 'auto', 'rest'] as const

/** A `kubernetes.io/tls` Secret, its values in base64 as kubectl writes them. */
function secret(name: string, { cert, key }: Certificate, ca = '', namespace = 'ingress'): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const data = { 'tls.crt': base64(cert), 'tls.key': base64(key), ...(ca && { 'ca.crt': base64(ca) }) }
  return `---
apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
type: kubernetes.io/tls
data: ${JSON.stringify(data)}
`
}

/** One request over TLS; what the upstream saw, or the status when Envoy answered. */
function askTls(port: number, host: string, tls: ConnectionOptions, agent?: Agent): Promise<Seen | number> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port, servername: host, headers: { host }, agent: agent ?? false, ...tls },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk
        })
        response.on('end', () => resolve(response.headers['x-echo-name'] ? JSON.parse(body) : response.statusCode))
      },
    )
    call.on('error', reject)
    call.end()
  })
}

describe.each(MODES)('TLS and TCP at a gateway, %s', (mode) => {
  let mesh: HttpMesh
  let folder: string
  let ca: TestCa
  let stranger: TestCa
  let client: Certificate
  let ports: readonly number[]
  let web: Upstream
  let yaml: (first: Certificate) => string
  const port = (name: (typeof NAMES)[number]) => ports[NAMES.indexOf(name)]!
  const trust = () => ({ ca: ca.cert })

  /** Both files change at once, by one rename, as Kubernetes and most renewal tools do. */
  async function install(generation: string, { cert, key }: Certificate): Promise<void> {
    await mkdir(join(folder, generation))
    await Promise.all([
      writeFile(join(folder, generation, 'tls.crt'), cert),
      writeFile(join(folder, generation, 'tls.key'), key),
    ])
    await symlink(generation, join(folder, '..new'))
    await rename(join(folder, '..new'), join(folder, '..data'))
  }

  beforeAll(async () => {
    folder = testFolder('gateway')
    ;[ca, stranger] = await Promise.all([testCa(), testCa('stranger')])
    const issue = (name: string) => ca.issue(name, { dns: ['*.edge.test'] })
    client = await ca.issue('client', { dns: ['client.test'], uri: ['spiffe://mesh/ns/a/sa/client'] })
    await install('first', await issue('file-1'))
    await writeFile(join(folder, 'ca.pem'), ca.cert)
    for (const name of ['tls.crt', 'tls.key']) await symlink(`..data/${name}`, join(folder, name))
    const [one, two] = await Promise.all([
      startEcho('one', { tls: await ca.issue('one', { dns: ['one.pass.test'] }) }),
      startEcho('two', { tls: await ca.issue('two', { dns: ['two.pass.test', 'any.pass.test'] }) }),
    ])
    const [tcp, other] = await Promise.all([startTcpEcho('tcp'), startTcpEcho('other')])
    ;[web, ports] = await Promise.all([startEcho('web'), freePorts(NAMES.length)])
    const [first, mutual] = await Promise.all([issue('first'), issue('mutual')])
    const server = (name: (typeof NAMES)[number], protocol: string, hosts: string, tls = '', suffix = '') =>
      `{port: {number: ${port(name)}, name: ${name}${suffix}, protocol: ${protocol}}, bind: 127.0.0.1, hosts: [${hosts}]${tls && `, tls: {${tls}}`}}`
    const toTcp = (name: string, where: (typeof NAMES)[number], hosts: string) =>
      networking(
        'VirtualService',
        name,
        `{hosts: [${hosts}], gateways: [ingress/edge], tcp: [{match: [{port: ${port(where)}}], route: [{destination: {host: tcp.test}}]}]}`,
      )
    yaml = (edge) =>
      [
        `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: ingress}
spec:
  selector: {app: edge}
  servers:
  - ${server('pass', 'TLS', '"*.pass.test"', 'mode: PASSTHROUGH')}
  - ${server('tls', 'TLS', 'tcp.edge.test', 'mode: SIMPLE, credentialName: edge')}
  - ${server('https', 'HTTPS', 'web.edge.test', 'mode: SIMPLE, credentialName: edge')}
  - ${server('mutual', 'HTTPS', 'web.edge.test', 'mode: MUTUAL, credentialName: mutual')}
  - ${server('mutual', 'HTTPS', 'optional.edge.test', 'mode: OPTIONAL_MUTUAL, credentialName: mutual', '-optional')}
  - ${server('mutual', 'HTTPS', 'named.edge.test', 'mode: MUTUAL, credentialName: mutual, subjectAltNames: [other.test]', '-named')}
  - ${server('mutual', 'HTTPS', 'cacert.edge.test', 'mode: MUTUAL, credentialName: edge, caCertCredentialName: stranger', '-cacert')}
  - ${server('mutual', 'HTTPS', 'unverified.edge.test', 'mode: MUTUAL, credentialName: mutual, insecureSkipVerify: true', '-unverified')}
  - ${server('mutual', 'HTTPS', 'istio.edge.test', 'mode: ISTIO_MUTUAL', '-istio')}
  - ${server('versions', 'TLS', 'new.edge.test', 'mode: SIMPLE, credentialName: edge, minProtocolVersion: TLSV1_3')}
  - ${server('versions', 'TLS', 'old.edge.test', 'mode: SIMPLE, credentialName: edge, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES128-GCM-SHA256, NOT-A-SUITE]', '-old')}
  - ${server('files', 'TLS', 'tcp.edge.test', `mode: SIMPLE, serverCertificate: ${folder}/tls.crt, privateKey: ${folder}/tls.key`)}
  - ${server('tcp', 'TCP', '"*"')}
  - {port: {number: ${port('rest')}, name: rest, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"], defaultEndpoint: "127.0.0.1:${other.port}"}
  - {port: {number: ${port('pass')}, name: pass-rest, protocol: TLS}, bind: 127.0.0.1, hosts: ["*.rest.test"], tls: {mode: PASSTHROUGH}, defaultEndpoint: "127.0.0.1:${two.port}"}
  - ${server('late', 'TLS', 'tcp.edge.test', 'mode: SIMPLE, credentialName: late')}
  - ${server('foreign', 'TLS', 'tcp.edge.test', 'mode: SIMPLE, credentialName: foreign')}
  - ${server('auto', 'TLS', '"*.test"', 'mode: AUTO_PASSTHROUGH')}
`,
        `---\napiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {workloadCertificates: {certificate: ${folder}/tls.crt, privateKey: ${folder}/tls.key, caCertificates: ${folder}/ca.pem}}\n`,
        secret('edge', edge),
        secret('mutual', mutual, ca.cert),
        secret('foreign', first, '', 'default'),
        `---\napiVersion: v1\nkind: Secret\nmetadata: {name: stranger, namespace: ingress}\nstringData: ${JSON.stringify({ 'ca.crt': stranger.cert })}\n`,
        tcpService('one.test', 1, [one], { protocol: 'TLS' }),
        tcpService('two.test', 1, [two], { protocol: 'TLS' }),
        tcpService('tcp.test', 2, [{ port: tcp.port }]),
        tcpService('other.test', 2, [{ port: other.port }]),
        tcpService('both.test', 3, [{ port: one.port }, { port: two.port, version: 'v2' }], { protocol: 'TLS' }),
        networking(
          'DestinationRule',
          'both',
          '{host: both.test, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}, subsets: [{name: v2, labels: {version: v2}}]}',
        ),
        tcpService('foreign.test', 4, [one], { protocol: 'TLS', location: 'MESH_EXTERNAL' }),
        serviceAt('web', [web]),
        networking(
          'VirtualService',
          'pass',
          `{hosts: ["*.pass.test"], gateways: [ingress/edge], tls: [
            {match: [{port: ${port('pass')}, sniHosts: [one.pass.test]}], route: [{destination: {host: one.test}}]},
            {match: [{sniHosts: ["*.pass.test"]}], route: [{destination: {host: two.test}}]}]}`,
        ),
        toTcp('tls', 'tls', 'tcp.edge.test'),
        toTcp('files', 'files', 'tcp.edge.test'),
        toTcp('late', 'late', 'tcp.edge.test'),
        toTcp('foreign', 'foreign', 'tcp.edge.test'),
        toTcp('versions', 'versions', 'new.edge.test, old.edge.test'),
        networking(
          'VirtualService',
          'tcp',
          `{hosts: ["*"], gateways: [ingress/edge], tcp: [{match: [{port: ${port('tcp')}}], route: [
            {destination: {host: tcp.test}, weight: 50}, {destination: {host: other.test}, weight: 50}]}]}`,
        ),
        rulesFor(
          'web.edge.test, optional.edge.test, named.edge.test, cacert.edge.test, unverified.edge.test, istio.edge.test',
          '- route: [{destination: {host: web}}]',
          'gateways: [ingress/edge]',
        ),
      ].join('')
    mesh = await startMesh({
      mode,
      yaml: yaml(first),
      id: 'router~127.0.0.1~edge.ingress~ingress.svc.cluster.local',
      labels: { app: 'edge' },
      // late and foreign
      errors: ['SECRET_NOT_FOUND'],
    })
  })
  afterAll(async () => {
    await mesh.stop()
  })

  test.each([
    ['one.pass.test', 'one'],
    ['two.pass.test', 'two'],
    ['any.pass.test', 'two'],
  ])('PASSTHROUGH: the handshake for %s is with %s itself', async (host, name) => {
    const seen = (await askTls(port('pass'), host, trust())) as Seen
    expect([seen.name, seen.tls?.serverName]).toEqual([name, host])
    expect((await handshake(port('pass'), { servername: host, ...trust() })).subject).toBe(name)
  })

  test('defaultEndpoint: connections that no rule takes', async () => {
    expect(await who(port('rest'))).toBe('other')
    const tls = { servername: 'any.rest.test', ...trust(), checkServerIdentity: () => undefined }
    expect((await handshake(port('pass'), tls)).subject).toBe('two')
  })

  test('PASSTHROUGH: an SNI the server does not expose is closed, and so are bytes without a handshake', async () => {
    await expect(handshake(port('pass'), { servername: 'one.else.test', ...trust() })).rejects.toThrow()
    expect(await who(port('pass'))).toBe('closed')
  })

  test.each([
    ['outbound_.1_._.one.test', 'one'],
    ['outbound_.3_.v2_.both.test', 'two'],
  ])(
    'AUTO_PASSTHROUGH: the SNI %s names service, port and subset, and the handshake is with %s itself',
    async (servername, name) => {
      const tls = { servername, ...trust(), checkServerIdentity: () => undefined }
      expect((await handshake(port('auto'), tls)).subject).toBe(name)
    },
  )

  test('AUTO_PASSTHROUGH: services outside the mesh and names of another form are closed', async () => {
    for (const servername of ['outbound_.4_._.foreign.test', 'one.test', 'outbound_.9_._.one.test'])
      await expect(handshake(port('auto'), { servername, ...trust() })).rejects.toThrow()
  })

  test('TLS SIMPLE: the gateway ends TLS with the certificate of the Secret and passes the bytes on', async () => {
    const tls = { servername: 'tcp.edge.test', ...trust() }
    expect((await handshake(port('tls'), tls)).subject).toBe('first')
    expect(await who(port('tls'), { tls })).toBe('tcp')
    await expect(handshake(port('tls'), { servername: 'web.edge.test', ...trust() })).rejects.toThrow()
    expect((await handshake(port('tls'), { ...tls, ALPNProtocols: ['h2'] })).alpn).toBe('h2')
  })

  test('HTTPS SIMPLE: HTTP inside, by ALPN also HTTP/2', async () => {
    expect(await askTls(port('https'), 'web.edge.test', trust())).toMatchObject({ name: 'web', protocol: 'HTTP/1.1' })
    const offer = { servername: 'web.edge.test', ALPNProtocols: ['h2', 'http/1.1'], ...trust() }
    expect((await handshake(port('https'), offer)).alpn).toBe('h2')
  })

  describe('MUTUAL', () => {
    test('with a certificate the CA signed, which the upstream is told of', async () => {
      const seen = (await askTls(port('mutual'), 'web.edge.test', { ...trust(), ...client })) as Seen
      expect(seen.headers['x-forwarded-client-cert']).toMatch(
        /^Hash=[0-9a-f]{64};Cert="-----BEGIN%20CERTIFICATE-----[^"]+";Subject="CN=client";URI=spiffe:\/\/mesh\/ns\/a\/sa\/client;DNS=client\.test$/,
      )
    })

    test('without a certificate, or with one of another CA, no request gets in', async () => {
      const before = web.count
      const other = await stranger.issue('stranger', { dns: ['client.test'] })
      await expect(askTls(port('mutual'), 'web.edge.test', trust())).rejects.toThrow()
      await expect(askTls(port('mutual'), 'web.edge.test', { ...trust(), ...other })).rejects.toThrow()
      expect(web.count).toBe(before)
    })

    test('an expired certificate is refused', async () => {
      const old = await ca.issue('old', { dns: ['client.test'], validMs: -3_600_000 })
      await expect(askTls(port('mutual'), 'web.edge.test', { ...trust(), ...old })).rejects.toThrow()
    })

    test('subjectAltNames: only callers of that name', async () => {
      const other = await ca.issue('other', { dns: ['other.test'] })
      await expect(askTls(port('mutual'), 'named.edge.test', { ...trust(), ...client })).rejects.toThrow()
      expect(await askTls(port('mutual'), 'named.edge.test', { ...trust(), ...other })).toMatchObject({ name: 'web' })
    })

    test('caCertCredentialName: the CA of another Secret', async () => {
      const known = await stranger.issue('known', { dns: ['known.test'] })
      expect(await askTls(port('mutual'), 'cacert.edge.test', { ...trust(), ...known })).toMatchObject({ name: 'web' })
      await expect(askTls(port('mutual'), 'cacert.edge.test', { ...trust(), ...client })).rejects.toThrow()
    })

    test('insecureSkipVerify: a certificate of any CA, but one there must be', async () => {
      const other = await stranger.issue('stranger', { dns: ['client.test'] })
      expect(await askTls(port('mutual'), 'unverified.edge.test', { ...trust(), ...other })).toMatchObject({
        name: 'web',
      })
      await expect(askTls(port('mutual'), 'unverified.edge.test', trust())).rejects.toThrow()
    })

    test('ISTIO_MUTUAL: the workload certificates of the Mesh document, shown and asked for', async () => {
      const told = (await askTls(port('mutual'), 'istio.edge.test', { ...trust(), ...client })) as Seen
      expect(told.headers['x-forwarded-client-cert']).toMatch(/URI=spiffe:\/\/mesh\/ns\/a\/sa\/client/)
      const shown = await handshake(port('mutual'), { servername: 'istio.edge.test', ...trust(), ...client })
      expect(shown.subject).toBe('file-1')
      await expect(askTls(port('mutual'), 'istio.edge.test', trust())).rejects.toThrow()
    })

    test('OPTIONAL_MUTUAL: with and without, but not with one of another CA', async () => {
      const other = await stranger.issue('stranger', { dns: ['client.test'] })
      const told = async (tls: ConnectionOptions) =>
        ((await askTls(port('mutual'), 'optional.edge.test', { ...trust(), ...tls })) as Seen).headers
      expect(await told({})).not.toHaveProperty('x-forwarded-client-cert')
      expect((await told(client))['x-forwarded-client-cert']).toMatch(/DNS=client\.test/)
      await expect(told(other)).rejects.toThrow()
    })

    test('what a caller says of its certificate itself is not passed on', async () => {
      const seen = (await askTls(port('https'), 'web.edge.test', {
        ...trust(),
        headers: { host: 'web.edge.test', 'x-forwarded-client-cert': 'URI=spiffe://mesh/ns/a/sa/admin' },
      } as ConnectionOptions)) as Seen
      expect(seen.headers).not.toHaveProperty('x-forwarded-client-cert')
    })
  })

  test('minProtocolVersion and maxProtocolVersion', async () => {
    const at = (servername: string, tls: ConnectionOptions) =>
      handshake(port('versions'), { servername, ...trust(), ...tls }).then(
        ({ version }) => version,
        () => 'refused',
      )
    expect(await at('new.edge.test', {})).toBe('TLSv1.3')
    expect(await at('new.edge.test', { maxVersion: 'TLSv1.2' })).toBe('refused')
    expect(await at('old.edge.test', {})).toBe('TLSv1.2')
    expect(await at('old.edge.test', { minVersion: 'TLSv1.3' })).toBe('refused')
    expect(await at('old.edge.test', { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).toBe('refused')
  })

  test('TCP: connections on the port are split by the rule', async () => {
    const answers = await tallyConnections(60, port('tcp'))
    expect(Object.keys(answers).sort()).toEqual(['other', 'tcp'])
  })

  test('a Secret that is not there keeps its listener waiting, not the others; when it comes it is used', async () => {
    const tls = { servername: 'tcp.edge.test', ...trust() }
    expect(await who(port('late'), { tls })).toBe('closed')
    const edge = await ca.issue('edge-again', { dns: ['*.edge.test'] })
    mesh.apply(yaml(edge) + secret('late', await ca.issue('late', { dns: ['*.edge.test'] })))
    await expect.poll(() => who(port('late'), { tls })).toBe('tcp')
    expect((await handshake(port('late'), tls)).subject).toBe('late')
  })

  test("a Secret of another namespace is nobody's", async () => {
    expect(await who(port('foreign'), { tls: { servername: 'tcp.edge.test', ...trust() } })).toBe('closed')
  })

  test('a Secret that changes: open connections stay, new ones see the new certificate, no listener is replaced', async () => {
    const tls = { servername: 'tcp.edge.test', ...trust() }
    mesh.apply(yaml(await ca.issue('before', { dns: ['*.edge.test'] })))
    const subject = async () => (await handshake(port('tls'), tls)).subject
    await expect.poll(subject).toBe('before')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const connection = await dial(port('tls'), { tls })
    expect(await connection.say('one')).toBe('tcp: one')
    const before = (await askTls(port('https'), 'web.edge.test', trust(), agent)) as Seen
    const listeners = () => mesh.envoy.stats('listener_manager\\.listener_(added|modified|removed|in_place_updated)')
    const unchanged = await listeners()

    mesh.apply(yaml(await ca.issue('after', { dns: ['*.edge.test'] })))
    await expect.poll(subject).toBe('after')
    expect(await connection.say('two')).toBe('tcp: two')
    const after = (await askTls(port('https'), 'web.edge.test', trust(), agent)) as Seen
    expect(after.name).toBe(before.name)
    expect(await listeners()).toEqual(unchanged)
    connection.close()
    agent.destroy()
  })

  test('certificates from files, renewed in place', async () => {
    const tls = { servername: 'tcp.edge.test', ...trust() }
    expect((await handshake(port('files'), tls)).subject).toBe('file-1')
    const connection = await dial(port('files'), { tls })
    await install('second', await ca.issue('file-2', { dns: ['*.edge.test'] }))
    await expect.poll(async () => (await handshake(port('files'), tls)).subject).toBe('file-2')
    expect(await connection.say('still')).toBe('tcp: still')
    connection.close()
  })
})
