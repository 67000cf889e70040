import { afterEach, expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../helpers/fake-mesh.ts'
import { xdsServer } from '../helpers/xds-server.ts'
import { NODE, names, RawClient, texts } from './raw-client.ts'

const cleanup: (() => unknown)[] = []
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end()
})

async function serve(mesh: FakeMesh, options = {}) {
  const server = xdsServer(mesh, options)
  cleanup.push(() => server.stop(0))
  const { port } = await server.listen('127.0.0.1:0')
  const client = new RawClient(port)
  cleanup.push(() => client.close())
  return { server, client, port }
}

test('a delta client gets what it subscribes to, and then only what changed', async () => {
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', 'a1'), fakeResource('cds', 'b', 'b1'))
  const { client, server } = await serve(mesh)
  const stream = client.delta()
  stream.send('cds', { node: NODE })
  const first = await stream.next()
  expect(names(first)).toEqual(['a', 'b'])
  stream.ack(first)
  mesh.put(fakeResource('cds', 'b', 'b2')).publish()
  const second = await stream.next()
  expect(names(second)).toEqual(['b'])
  expect(second.nonce).not.toBe(first.nonce)
  stream.ack(second)
  await expect
    .poll(() => server.status.clients())
    .toMatchObject([{ node: { id: NODE.id }, types: [{ type: 'cds', state: 'SYNCED' }] }])
})

test('a state-of-the-world client gets full sets of clusters', async () => {
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', 'a1'), fakeResource('cds', 'b', 'b1'))
  const { client } = await serve(mesh)
  const stream = client.sotw()
  stream.send('cds', { node: NODE })
  const first = await stream.next()
  expect(texts(first)).toEqual(['a1', 'b1'])
  stream.ack(first)
  mesh.put(fakeResource('cds', 'b', 'b2')).publish()
  expect(texts(await stream.next())).toEqual(['a1', 'b2'])
})

test('a client that compresses its requests is served too, and told when it asks for nonsense', async () => {
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', 'a1'))
  const { port } = await serve(mesh)
  const client = new RawClient(port, undefined, { 'grpc.default_compression_algorithm': 2 })
  cleanup.push(() => client.close())
  const stream = client.delta()
  stream.send('cds', { node: NODE })
  const first = await stream.next()
  expect(names(first)).toEqual(['a'])
  stream.ack(first)
  mesh.put(fakeResource('cds', 'a', 'a2')).publish()
  expect(names(await stream.next())).toEqual(['a'])
  const nobody = client.delta()
  nobody.send('cds', {})
  expect(await nobody.ended).toMatchObject({ code: 3, details: expect.stringContaining('node') })
})

test('a client that ends its half of the call gets a status, whether it was answered or not', async () => {
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', 'a1'))
  const { client } = await serve(mesh)
  const answered = client.delta()
  answered.send('cds', { node: NODE })
  await answered.next()
  answered.call.end()
  expect(await answered.ended).toMatchObject({ code: 0 })
  const silent = client.delta()
  silent.call.end()
  expect(await silent.ended).toMatchObject({ code: 0 })
})
