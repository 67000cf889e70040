import { expect, test } from 'vitest'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { Engine } from '../../test/helpers/xds-engine.ts'
import type { Exchanges } from './exchanges.ts'

const lines = (exchanges: Exchanges) =>
  exchanges
    .list()
    .map(({ type, event, resources, removed, message }) =>
      [event, type, resources, removed, message].filter((part) => part !== undefined).join(' '),
    )

test('what was sent and what the client said to it, newest first, with the words of a refusal', () => {
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', '1')).put(fakeResource('cds', 'b', '1'))
  const engine = new Engine(mesh)
  const client = engine.client('delta')
  const [first] = client.ask('cds')
  client.ack(first!)
  mesh.put(fakeResource('cds', 'a', '2'))
  mesh.delete('cds', 'b')
  engine.publish()
  const [second] = client.flow()
  client.nack(second!, 'no good')
  const { exchanges } = client.client
  expect(lines(exchanges)).toEqual(
    expect.arrayContaining(['nack cds 1 0 no good', 'sent cds 1 0', 'ack cds 2 0', 'sent cds 2 0']),
  )
  expect(exchanges.list().at(-1)).toMatchObject({ event: 'sent', nonce: first!.nonce })
  expect(exchanges.list().find(({ event }) => event === 'nack')!.nonce).toBe(second!.nonce)
})

test('of a long conversation the last forty', () => {
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', '0'))
  const engine = new Engine(mesh)
  const client = engine.client('delta')
  client.ack(client.ask('cds')[0]!)
  let last = ''
  for (let i = 1; i <= 30; i++) {
    mesh.put(fakeResource('cds', 'a', String(i)))
    engine.publish()
    const [answer] = client.flow()
    last = answer!.nonce
    client.ack(answer!)
  }
  const list = client.client.exchanges.list()
  expect(list.length).toBe(40)
  expect(list.slice(0, 2).map(({ event, nonce }) => `${event} ${nonce}`)).toEqual([`ack ${last}`, `sent ${last}`])
})
