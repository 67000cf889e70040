import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { testCa } from '../../test/helpers/certificates.ts'
import { ControlPlane } from './control-plane.ts'

test('a control plane known by its address is believed if its certificate is for that address', async () => {
  const ca = await testCa()
  const said: string[] = []
  const meets = async (ip: string) => {
    const own = await ca.issue('plane', { ip: [ip] })
    const server = createSecureServer({ cert: own.cert, key: own.key })
    server.on('stream', () => said.push('served'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const plane = new ControlPlane(
      {
        xds: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
        node: { id: 'n', cluster: 'c' },
        tls: () => ({ ca: ca.cert }),
        log: { info: () => {}, warn: (_, text) => said.push(text) },
      },
      { opened: () => plane.send('cds', {}), response: () => {}, meanwhile: () => 'goes on' },
    )
    onTestFinished(() => {
      plane.stop()
      server.close()
    })
    plane.connect()
    await expect.poll(() => said.length).toBeGreaterThan(0)
    return said.splice(0)[0]
  }
  expect(await meets('127.0.0.1')).toBe('served')
  expect(await meets('127.0.0.2')).toMatch(/127\.0\.0\.1 is not in the cert's list/)
})
