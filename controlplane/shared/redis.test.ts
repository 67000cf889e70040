import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { connectRedis, redisOptions } from './redis.ts'

const cleanup: (() => unknown)[] = []
afterEach(() => {
  for (const end of cleanup.splice(0).reverse()) end()
})

test('a server that takes connections and never answers is told once for each kind of failure, not at every try', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanup.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const told: string[] = []
  const warn = (fields: object) => told.push((fields as { error: string }).error)
  const { port } = server.address() as AddressInfo
  const redis = connectRedis(
    `redis://127.0.0.1:${port}`,
    { ...redisOptions(100), socketTimeout: 120 },
    { info() {}, warn },
    'test',
  )
  cleanup.push(() => redis.disconnect())
  await expect.poll(() => sockets.length).toBeGreaterThanOrEqual(6)
  expect(told.length).toBeGreaterThan(0)
  expect(told).toEqual([...new Set(told)])
})

test('a server that answers something else is told as that', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const told: string[] = []
  const warn = (fields: object) => told.push((fields as { error: string }).error)
  const { port } = server.address() as AddressInfo
  const redis = connectRedis(`redis://127.0.0.1:${port}`, redisOptions(1000), { info() {}, warn }, 'test')
  cleanup.push(() => {
    redis.disconnect()
    server.close()
  })
  await expect.poll(() => told).toContain('what answers there does not speak as Redis does')
})
