import dns from 'node:dns'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { ConsulHttp } from './http.ts'

const MiB = 1024 ** 2

let server: Server | undefined
let http: ConsulHttp | undefined
afterEach(() => {
  vi.restoreAllMocks()
  http?.close()
  server?.closeAllConnections()
  server?.close()
})

/** Calls to an agent that answers so. */
async function agent(answer: RequestListener, host = '127.0.0.1'): Promise<ConsulHttp> {
  server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  http = new ConsulHttp({ url: `http://${host}:${(server.address() as AddressInfo).port}` })
  return http
}

/** What one that does not answer within 20 ms is told to wait for, and then why it failed. */
async function waited(to: ConsulHttp): Promise<readonly string[]> {
  const told: string[] = []
  const late = { afterMs: 20, tell: (waiting: string) => told.push(waiting) }
  await to.send({ path: '/v1/a', timeoutMs: 40, late }).catch(({ message }: Error) => told.push(message))
  return told
}

it('an agent that is silent is told as one, late and when it is given up', async () => {
  const silent = await agent(() => {})
  expect(await waited(silent)).toEqual(['no answer within 20 ms', `${silent.url}: GET /v1/a: no answer within 40 ms`])
})

it('a name that is not resolved is told as that, not as an agent that is silent', async () => {
  const nameless = await agent(() => {}, 'consul.test')
  vi.spyOn(dns, 'lookup').mockImplementation((() => {}) as never)
  const why = ', its name is still being looked up: DNS does not answer'
  expect(await waited(nameless)).toEqual([
    `no answer within 20 ms${why}`,
    `${nameless.url}: GET /v1/a: no answer within 40 ms${why}`,
  ])
})

it('answers that are large only together are refused, one after the other until the rest has room; what is over makes room', async () => {
  let asked = 0
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const piece = Buffer.alloc(MiB, ' ')
  const large = await agent(async (_, answer) => {
    asked++
    for (let sent = 0; sent < 30; sent++) answer.write(piece)
    await released
    answer.end()
  })
  let refused = 0
  const calls = Array.from({ length: 6 }, () =>
    large.send({ path: '/v1/a', timeoutMs: 60_000 }).then(
      ({ body }) => body.length / MiB,
      ({ message }: Error) => {
        refused++
        return message.replace(/^.*\/v1\/a: /, '')
      },
    ),
  )
  await expect.poll(() => refused).toBe(2)
  release()
  const message = `the answers that are being read are larger than ${128 * MiB} bytes together`
  expect((await Promise.all(calls)).sort()).toEqual([30, 30, 30, 30, message, message])
  expect((await large.send({ path: '/v1/a' })).body).toHaveLength(30 * MiB)
  expect(asked).toBe(7)
})
