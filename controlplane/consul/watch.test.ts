import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
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
