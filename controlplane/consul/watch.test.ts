import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { ConsulHttp } from './http.ts'
import { Watch, type WatchAnswer } from './watch.ts'

it('an answer that cannot be used is told once as a failure; neither that it came nor its index counts', async () => {
  const asked: ServerResponse[] = []
  const server = createServer((_, answer) => {
    asked.push(answer)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = new ConsulHttp({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const told: unknown[] = []
  const watch = new Watch(http, {
    path: '/v1/a',
    minGapMs: 0,
    maxBackoffMs: 10,
    onAnswer: ({ value, wentBack }: WatchAnswer) => {
      if (!Array.isArray(value)) throw new Error('that is no list')
      told.push([value, wentBack])
    },
    onContact: () => told.push('contact'),
    onError: ({ message }) => told.push(message),
  })
  let answered = 0
  const answer = async (index: number, body: string) => {
    await expect.poll(() => asked.length).toBe(answered + 1)
    asked[answered++]!.writeHead(200, { 'x-consul-index': index }).end(body)
  }
  await answer(10, '[1]')
  await answer(99_999, '{}')
  await answer(11, '[2]')
  await answer(12, '[3]')
  await expect.poll(() => asked.length).toBe(5)
  watch.stop()
  http.close()
  server.closeAllConnections()
  server.close()
  expect(told).toEqual([
    ...[[[1], false], 'contact', 'that is no list'],
    ...[[[2], false], 'contact', [[3], false], 'contact'],
  ])
})

it('while held queries go without an answer, those that are answered at once are no sign that all is well; one that was held for a moment is', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const asked: { readonly url: string; readonly answer: ServerResponse }[] = []
  const server = createServer(({ url = '' }, answer) => {
    asked.push({ url, answer })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = new ConsulHttp({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const told: string[] = []
  const watch = new Watch(http, {
    path: '/v1/a',
    minGapMs: 0,
    maxBackoffMs: 10,
    onAnswer: () => {},
    onContact: (isWell) => told.push(isWell ? 'well' : 'contact'),
    onError: () => told.push('late'),
  })
  const next = async () => {
    await vi.waitUntil(() => asked.length > 0, { timeout: 20_000 })
    return asked.shift()!
  }
  const answerNext = async () => (await next()).answer.writeHead(200, { 'x-consul-index': 10 }).end('[]')
  const waits: (string | undefined)[] = []
  const leaveNext = async () => {
    waits.push(/wait=(\d+)ms/.exec((await next()).url)?.[1])
    vi.advanceTimersByTime(40_000)
  }
  await answerNext()
  for (let turn = 0; turn < 2; turn++) {
    await leaveNext()
    await answerNext()
  }
  await answerNext()
  await leaveNext()
  await vi.waitUntil(() => told.length === 7, { timeout: 20_000 })
  watch.stop()
  http.close()
  server.closeAllConnections()
  server.close()
  expect(told).toEqual(['well', 'late', 'contact', 'late', 'contact', 'well', 'late'])
  expect(waits).toEqual(['30000', '1000', '30000'])
})
