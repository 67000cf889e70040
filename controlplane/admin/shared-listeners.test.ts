import { expect, test } from 'vitest'
import type { ClientStatus, StatusBook } from '../status/book.ts'
import { sharedListeners } from './shared-listeners.ts'

const LISTENERS = ['127.0.0.1_15080', '127.0.0.1_3306']
const client = (stream: number, id: string, peer: string, disconnectedAt?: number) =>
  ({ stream, node: { id }, peer, disconnectedAt }) as ClientStatus
const book = (held: Readonly<Record<number, readonly string[]>>) =>
  ({ resources: (stream: number) => held[stream]?.map((name) => ({ resource: { name } })) }) as unknown as StatusBook

test('two sidecars on this machine with one port are told, the second one by name of the first', () => {
  const clients = [client(1, 'sidecar~a', '127.0.0.1:1'), client(2, 'sidecar~b', '[::1]:2')]
  const found = sharedListeners(clients, book({ 1: LISTENERS, 2: LISTENERS }))
  expect([...found.keys()]).toEqual(['sidecar~b'])
  expect(found.get('sidecar~b')).toContain('listens on 127.0.0.1:15080 as sidecar~a does')
})

test.each([
  ['on other machines', [client(1, 'a', '10.0.0.1:1'), client(2, 'b', '10.0.0.2:2')]],
  ['of which one is gone', [client(1, 'a', '127.0.0.1:1', 5), client(2, 'b', '127.0.0.1:2')]],
  ['that are one that connects again', [client(1, 'a', '127.0.0.1:1'), client(2, 'a', '127.0.0.1:2')]],
])('those %s share nothing', (_what, clients) => {
  expect(sharedListeners(clients, book({ 1: LISTENERS, 2: LISTENERS })).size).toBe(0)
})
