import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AdminServer } from './server.ts'

let admin: AdminServer
let port: number
let drained: number

beforeEach(async () => {
  drained = 0
  admin = new AdminServer({
    stats: async () => ({ counters: { requests: 3 }, gauges: {} }) as never,
    configDump: () => ({ privateKey: 'kept here' }),
    clusters: async () => [],
    listeners: async () => [],
    state: () => 'live',
    notOpen: () => [],
    drain: () => {
      drained++
    },
  })
  port = await admin.listen('127.0.0.1', 0)
})
afterEach(() => admin.close())

/** Sends exactly this. @returns the status of the answer */
async function statusOf(line: string, ...headers: string[]): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write([line, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n'))
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return Number(text.split(' ')[1])
}

describe('the admin port of a message proxy', () => {
  test.each([
    ['//', 404],
    ['http://', 404],
    ['/ready?%', 200],
    ['http://proxy.test:80/ready', 200],
    ['http://[', 404],
    ['*', 404],
    ['/%zz', 404],
  ])('answers to %s, which need not be an address, and goes on', async (target, status) => {
    expect(await statusOf(`GET ${target} HTTP/1.1`)).toBe(status)
    expect(await statusOf('GET /ready HTTP/1.1')).toBe(200)
  })

  test('drains for a program, not for a page that is open in a browser, nor for a link', async () => {
    expect(await statusOf('POST /drain HTTP/1.1', 'Origin: http://evil.test')).toBe(403)
    expect(await statusOf('POST /drain HTTP/1.1', 'Origin: null')).toBe(403)
    expect(await statusOf('POST /drain HTTP/1.1', 'Sec-Fetch-Site: cross-site')).toBe(403)
    expect(await statusOf('GET /drain HTTP/1.1')).toBe(405)
    expect(drained).toBe(0)
    expect(await statusOf('POST /drain HTTP/1.1')).toBe(200)
    expect(drained).toBe(1)
  })

  test('shows no private key', async () => {
    const shown = await (await fetch(`http://127.0.0.1:${port}/config_dump`)).text()
    expect(shown).toContain('[redacted]')
    expect(shown).not.toContain('kept here')
  })
})
