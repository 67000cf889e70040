import { createSecureServer, createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { testCa } from '../../test/helpers/certificates.ts'
import { ControlPlane } from './control-plane.ts'

test('of several control planes another one is asked when one is gone, until all were', async () => {
  const asked: string[] = []
  const serve = async (name: string) => {
    const server = createServer()
    const sessions = new Set<ServerHttp2Session>()
    server.on('session', (session) => sessions.add(session))
    server.on('stream', (stream) => {
      stream.on('error', () => {})
      asked.push(name)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const end = () => {
      server.close()
      for (const session of sessions) session.destroy()
    }
    onTestFinished(end)
    return { end, host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  }
  const planes = new Map([
    ['a', await serve('a')],
    ['b', await serve('b')],
  ])
  const said: unknown[] = []
  const plane = new ControlPlane(
    {
      xds: [...planes.values()],
      node: { id: 'n', cluster: 'c' },
      log: { info: () => {}, warn: (fields) => said.push((fields as { xds: string }).xds) },
      backoff: { baseMs: 10, maxMs: 10 },
    },
    { opened: () => plane.send('cds', {}), response: () => {}, meanwhile: () => 'goes on' },
  )
  onTestFinished(() => plane.stop())
  plane.connect()
  await expect.poll(() => asked.length).toBe(1)
  const [first = ''] = asked
  planes.get(first)!.end()
  await expect.poll(() => asked).toEqual([first, first === 'a' ? 'b' : 'a'])
  for (const { end } of planes.values()) end()
  // The log names the one that did not answer; both are tried in turn.
  await expect
    .poll(() => new Set(said.slice(2)))
    .toEqual(new Set([...planes.values()].map(({ port }) => `127.0.0.1:${port}`)))
})

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
