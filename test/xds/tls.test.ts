import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import { type Logger, SILENT } from '../../controlplane/ads/logger.ts'
import { XdsServer } from '../../controlplane/ads/server.ts'
import { STATUS } from '../../controlplane/ads/transport.ts'
import { testCa } from '../helpers/certificates.ts'
import { FakeMesh, fakeResource } from '../helpers/fake-mesh.ts'
import { testFolder } from '../helpers/folders.ts'
import { NODE, names, RawClient } from './raw-client.ts'

const [ca, other] = await Promise.all([testCa(), testCa('another CA')])

async function files() {
  const folder = testFolder('tls')
  const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), clientCa: join(folder, 'ca.pem') }
  const write = async (commonName: string) => {
    const issued = await ca.issue(commonName, { dns: ['localhost'], ip: ['127.0.0.1'] })
    await writeFile(paths.cert, issued.cert)
    await writeFile(paths.key, issued.key)
  }
  await write('first')
  await writeFile(paths.clientCa, ca.cert)
  return { paths, write }
}

async function serve(mesh: FakeMesh, logger: Logger = SILENT) {
  const { paths, write } = await files()
  const server = new XdsServer(mesh, { tls: paths, logger })
  onTestFinished(() => server.stop(0))
  const { port } = await server.listen('0.0.0.0:0')
  const client = async (uri: string | undefined, authority = ca) => {
    const issued = uri === undefined ? undefined : await authority.issue('client', { uri: [uri] })
    const creds = credentials.createSsl(
      Buffer.from(ca.cert),
      issued ? Buffer.from(issued.key) : null,
      issued ? Buffer.from(issued.cert) : null,
    )
    const raw = new RawClient(port, creds, { 'grpc.ssl_target_name_override': 'localhost' })
    onTestFinished(() => raw.close())
    return raw
  }
  return { server, port, client, paths, write }
}

const world = () => new FakeMesh().put(fakeResource('cds', 'c', '1'))
const WEB = 'spiffe://cluster.local/ns/default/sa/web'

test('without TLS, only loopback may be listened on, unless told otherwise', async () => {
  const server = new XdsServer(world())
  onTestFinished(() => server.stop(0))
  await expect(server.listen('0.0.0.0:0')).rejects.toThrow(/give certificates .* or say insecure/)
  await expect(server.listen('example')).rejects.toThrow(/is no address/)
  const open = new XdsServer(world(), { insecure: true })
  onTestFinished(() => open.stop(0))
  expect((await open.listen('0.0.0.0:0')).port).toBeGreaterThan(0)
})

test('a client with the right certificate is served as what it says', async () => {
  const mesh = world()
  const { client, server } = await serve(mesh)
  const stream = (await client(WEB)).delta()
  stream.send('cds', { node: NODE })
  expect(names(await stream.next())).toEqual(['c'])
  expect(mesh.seen[0]).toMatchObject({ id: NODE.id, secretsAllowed: true, metadata: { SERVICE_ACCOUNT: 'web' } })
  expect(server.status.clients()[0]!.identities).toEqual([WEB])
})

test('a certificate for another workload is refused', async () => {
  const { client } = await serve(world())
  const stream = (await client('spiffe://cluster.local/ns/bank/sa/vault')).delta()
  stream.send('cds', { node: NODE })
  expect(await stream.ended).toMatchObject({
    code: STATUS.permissionDenied,
    details: expect.stringMatching(/ns\/bank\/sa\/vault/),
  })
})

test('no certificate, one of another CA, an expired one: no connection', async () => {
  const { client } = await serve(world())
  for (const raw of [await client(undefined), await client(WEB, other)]) {
    const stream = raw.delta()
    stream.send('cds', { node: NODE })
    expect((await stream.ended).code).toBe(STATUS.unavailable)
    expect(stream.received).toEqual([])
  }
})

test('a proxy that tries for ever with a certificate that is not for it is one line of the log, and so is one of another CA', async () => {
  const lines: string[] = []
  const say = (_fields: object, message: string) => lines.push(message)
  const { client } = await serve(world(), { ...SILENT, info: say, warn: say, error: say })
  lines.length = 0
  for (const [uri, authority, code] of [
    ['spiffe://cluster.local/ns/bank/sa/vault', ca, STATUS.permissionDenied],
    [WEB, other, STATUS.unavailable],
  ] as const)
    for (let tries = 0; tries < 5; tries++) {
      const stream = (await client(uri, authority)).delta()
      stream.send('cds', { node: NODE })
      expect((await stream.ended).code).toBe(code)
    }
  expect(lines).toEqual([
    expect.stringMatching(/^xDS stream refused: the node claims .*, but its certificate is for .*vault/),
    'xDS client failed the TLS handshake',
  ])
})

test('renewed certificates are taken without a restart, unusable ones are not', async () => {
  const { port, paths, write } = await serve(world())
  const shown = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(
        { port, host: '127.0.0.1', ca: ca.cert, ALPNProtocols: ['h2'], rejectUnauthorized: false },
        () => {
          resolve(socket.getPeerCertificate().subject.CN as string)
          socket.destroy()
        },
      )
      socket.on('error', reject)
    })
  expect(await shown()).toBe('first')
  await writeFile(paths.cert, 'garbage')
  await new Promise((resolve) => setTimeout(resolve, 6000))
  expect(await shown()).toBe('first')
  await write('second')
  const later = new Date(Date.now() + 5000)
  await utimes(paths.cert, later, later)
  await expect.poll(shown).toBe('second')
})
