import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { testFolder } from '../helpers/folders.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

const MiB = 1024 * 1024
/** What all the attacks together may make of a process that starts with some 150 MiB. */
const MOST_BYTES = 480 * MiB
const RULE = (weight: number) => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: a }
spec: { host: a.test, trafficPolicy: { connectionPool: { http: { http2MaxRequests: ${weight} } } } }
`

let folder: string
let plane: ServeChild
let port: number
const sockets: Socket[] = []

beforeAll(async () => {
  const outer = testFolder('attacks')
  folder = join(outer, 'config')
  mkdirSync(folder)
  writeFileSync(join(outer, 'outside.yaml'), 'secret: yes\n')
  writeFileSync(join(folder, 'a.yaml'), RULE(1))
  plane = await serveChild(folder, { cwd: outer })
  port = Number(new URL(plane.apiUrl).port)
}, 90_000)
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})
afterAll(() => plane?.process.stop())

/** Opens a connection and sends this; `head` resolves with the first line of the answer, empty when there is none. */
async function raw(text: string): Promise<{ readonly socket: Socket; head(): Promise<string> }> {
  const socket = connect({ port, host: '127.0.0.1' })
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(text)
  return {
    socket,
    async head() {
      let read = ''
      for await (const chunk of socket) {
        read += chunk
        if (read.includes('\r\n')) break
      }
      return read.split('\r\n')[0]!
    },
  }
}
const many = <Result>(count: number, work: (index: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const post = (path: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
  fetch(plane.apiUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  })
const planOf = (weight: number) => ({ changes: [{ file: 'a.yaml', text: RULE(weight) }] })
async function plan(weight: number): Promise<{ readonly plan: string; readonly base: number }> {
  return (await (await post('/api/v1/plan', planOf(weight))).json()) as never
}
async function goesOn() {
  expect((await fetch(`${plane.apiUrl}/healthz/ready`)).status).toBe(200)
  expect((await post('/api/v1/plan', planOf(77))).status).toBe(200)
}

test('half requests and slow bodies, hundreds of them, keep nobody else waiting', async () => {
  await many(300, () => raw('GET /api/v1/about HTTP/1.1\r\nHost: localhost\r\nX-Slow: '))
  await many(200, () => raw(`${requestTo('/api/v1/plan')}Content-Length: 60000\r\n\r\n{"changes":`))
  await goesOn()
})

test('bodies that together are too large are refused before they are read; small ones go on', async () => {
  const begun = await many(30, () => raw(`${requestTo('/api/v1/plan')}Content-Length: 16000000\r\n\r\n{`))
  const refused = await Promise.race([...begun.map(({ head }) => head())])
  expect(refused).toBe('HTTP/1.1 503 Service Unavailable')
  await goesOn()
  const endless = await many(30, () => raw(`${requestTo('/api/v1/apply')}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`))
  expect(await Promise.race(endless.map(({ head }) => head()))).toBe('HTTP/1.1 503 Service Unavailable')
  await goesOn()
})

test('what is too large for its path, or says two lengths, is refused', async () => {
  const large = await raw(`${requestTo('/api/v1/plan')}Content-Length: 16777217\r\n\r\n{`)
  expect(await large.head()).toBe('HTTP/1.1 413 Payload Too Large')
  const two = await raw(`${requestTo('/api/v1/plan')}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)
  expect(await two.head()).toBe('HTTP/1.1 400 Bad Request')
  const headers = await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`)
  expect(await headers.head()).toBe('HTTP/1.1 431 Request Header Fields Too Large')
})

test('hundreds of event streams that nobody reads shut out no operator', async () => {
  const events = 'GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const idle = await many(300, async () => (await raw(events)).socket.pause())
  const operator = await raw(events)
  expect(await operator.head()).toBe('HTTP/1.1 200 OK')
  await expect.poll(() => idle.filter((socket) => socket.resume().closed).length).toBeGreaterThanOrEqual(300 - 64)
  await goesOn()
})

test.each([
  ['another page', { Origin: 'https://evil.test' }],
  ['a page without origin', { Origin: 'null' }],
  ['a name that begins as ours', { Origin: 'http://localhost.evil.test' }],
  ['another port of this host', { Origin: 'http://localhost:1' }],
  ['a form of another site', { 'Sec-Fetch-Site': 'cross-site' }],
])('%s changes nothing', async (_, header) => {
  const [[name, value]] = Object.entries(header) as [[string, string]]
  const body = JSON.stringify({ plan: '0'.repeat(32), base: 1, reason: 'evil', ...planOf(66) })
  const { head } = await raw(
    `${requestTo('/api/v1/apply')}${name}: ${value}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  expect(await head()).toBe('HTTP/1.1 403 Forbidden')
})

test('a name that somebody else made point here, and a form without JSON, are refused', async () => {
  const evil = await raw('GET /api/v1/about HTTP/1.1\r\nHost: evil.test\r\n\r\n')
  expect(await evil.head()).toBe('HTTP/1.1 421 Misdirected Request')
  const form = await raw(
    'POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}',
  )
  expect(await form.head()).toBe('HTTP/1.1 400 Bad Request')
})

test.each([
  '/../outside.yaml',
  '/assets/../../../outside.yaml',
  '/assets/..%2f..%2f..%2foutside.yaml',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/api/v1/documents/..%2foutside.yaml',
  '/api/v1/documents/%2e%2e%2foutside.yaml',
  '/api/v1/documents/..%5coutside.yaml',
  '/api/v1/documents/%00',
])('%s leads nowhere', async (path) => {
  const { head } = await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  expect(await head()).toMatch(/^HTTP\/1\.1 40[04] /)
})

test('of two operators who apply at once one wins and the other is shown both texts; an edit by hand counts as well', async () => {
  const planned = await many(2, (index) => plan(index + 10))
  const applyOf = (index: number) =>
    post('/api/v1/apply', {
      plan: planned[index]!.plan,
      base: planned[index]!.base,
      reason: 'mine',
      ...planOf(index + 10),
    })
  const answers = await many(2, applyOf)
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  const loser = answers.findIndex(({ status }) => status === 409)
  const conflict = { file: 'a.yaml', base: RULE(1), theirs: RULE(11 - loser), mine: RULE(10 + loser) }
  expect(await answers[loser]!.json()).toMatchObject({ code: 'CONFLICT', conflicts: [conflict] })

  const third = await plan(20)
  writeFileSync(join(folder, 'a.yaml'), RULE(21))
  const late = await post('/api/v1/apply', { plan: third.plan, base: third.base, reason: 'late', ...planOf(20) })
  expect([late.status, readFileSync(join(folder, 'a.yaml'), 'utf8')]).toEqual([409, RULE(21)])
})

test('after all of it the process lives and has stayed small', async () => {
  expect(plane.process.running).toBe(true)
  expect(await plane.peakBytes()).toBeLessThan(MOST_BYTES)
  await goesOn()
})

function requestTo(path: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
}
