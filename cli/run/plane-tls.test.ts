import { writeFileSync } from 'node:fs'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { ControlPlane } from '../../dataplane/config/control-plane.ts'
import { testCa } from '../../test/helpers/certificates.ts'
import { testFolder } from '../../test/helpers/folders.ts'
import { planeTls } from './plane-tls.ts'

const cleanup: (() => unknown)[] = []
afterEach(() => {
  for (const end of cleanup.splice(0).reverse()) end()
})

test('a proxy whose certificate was renewed shows the new one when it connects again, and one that is half written never', async () => {
  const ca = await testCa()
  const folder = testFolder('plane-tls')
  const [cert, key, authority] = ['cert.pem', 'key.pem', 'ca.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const write = async (name: string) => {
    const issued = await ca.issue(name, {})
    writeFileSync(cert, issued.cert)
    writeFileSync(key, issued.key)
  }
  writeFileSync(authority, ca.cert)
  await write('first')
  const said: string[] = []
  const tell = (_: object, text: string) => said.push(text)
  const log = { info: tell, warn: tell, error: tell }
  const files = planeTls({ ca: authority, cert, key, serverName: 'localhost' }, log, 10)
  cleanup.push(() => files.stop())

  const own = await ca.issue('server', { dns: ['localhost'] })
  const server = createSecureServer({ cert: own.cert, key: own.key, ca: ca.cert, requestCert: true })
  const shown: string[] = []
  const open = new Set<ServerHttp2Stream>()
  server.on('stream', (stream: ServerHttp2Stream) => {
    shown.push(String((stream.session!.socket as TLSSocket).getPeerCertificate().subject.CN))
    open.add(stream)
    stream.on('error', () => {}).on('close', () => open.delete(stream))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanup.push(() => server.close())
  const plane = new ControlPlane(
    {
      xds: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
      node: { id: 'n', cluster: 'c' },
      tls: files.tls,
      backoff: { baseMs: 1, maxMs: 1 },
      log: { info: () => {}, warn: () => {} },
    },
    { opened: () => plane.send('cds', {}), response: () => {}, meanwhile: () => '' },
  )
  cleanup.push(() => plane.stop())
  const again = () => {
    for (const stream of open) stream.session!.destroy()
  }
  setTimeout(() => plane.connect(), 0)
  await expect.poll(() => shown.at(-1)).toBe('first')
  writeFileSync(key, 'half')
  await expect.poll(() => said.at(-1)).toMatch(/^changed xDS client certificates are not usable/)
  const before = shown.length
  again()
  await expect.poll(() => shown.slice(before)).toContain('first')
  await write('second')
  await expect.poll(() => said.at(-1)).toBe('xDS client certificates were reloaded')
  again()
  await expect.poll(() => shown.at(-1)).toBe('second')
})
