import { expect, test } from 'vitest'
import { node } from '../../test/helpers/every-kind.ts'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { StreamClient } from '../../test/helpers/stream-client.ts'
import { StreamPlane } from '../../test/helpers/stream-plane.ts'
import { DEFAULT_LIMITS } from './limits.ts'

test('a client that reads nothing amid a change holds up its class no longer than one that does not answer', () => {
  const put = (version: string) =>
    mesh.put(fakeResource('cds', 'a', version), fakeResource('rds', 'r', version)).publish()
  const mesh = new FakeMesh()
  put('1')
  const plane = new StreamPlane(mesh)
  const [good, stuck] = ['good', 'stuck'].map((name) => {
    const client = new StreamClient(plane, node(`sidecar~10.0.0.1~${name}.shop~shop`), () => 0)
    client.change('cds', ['*'], [])
    client.change('rds', ['r'], [])
    client.connect('empty')
    return client
  }) as [StreamClient, StreamClient]
  const settle = (...clients: readonly StreamClient[]) => {
    do {
      plane.goOn(100)
      for (const client of clients) {
        client.deliver()
        client.flush()
        client.take()
      }
    } while (!plane.rests || clients.some(({ rests }) => !rests))
  }
  const routes = () => good.held.rds.get('r')?.version
  settle(good, stuck)
  const before = routes()
  put('2')
  settle(good)
  const second = routes()
  expect(second).not.toBe(before)
  put('3')
  settle(good)
  expect(routes()).toBe(second)
  plane.pass(DEFAULT_LIMITS.paceMs)
  settle(good)
  expect(routes()).not.toBe(second)
  expect(good.stream!.client.settled('rds')).toBe(true)
})
