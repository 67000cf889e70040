import { expect } from 'vitest'
import type { XdsServerOptions } from '../../controlplane/ads/server.ts'
import { FakeMesh, fakeResource } from '../helpers/fake-mesh.ts'
import { xdsServer } from '../helpers/xds-server.ts'
import { type DeltaStream, NODE, names, RawClient } from './raw-client.ts'

/** What a test started, to be ended after it. */
export const cleanup: (() => unknown)[] = []

/** Ends what a test started, the last first. */
export async function cleanUp(): Promise<void> {
  for (const end of cleanup.splice(0).reverse()) await end()
}

/** Metrics that count by name how often they were told of something. */
const counters = () => {
  const counts: Record<string, number> = {}
  const count = (name: string) => () => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  const metrics = new Proxy({} as never, { get: (_target, name: string) => count(name) })
  return { counts, metrics }
}

/** A server of a mesh, raw clients of it, and what it counted. */
export async function serve(mesh: FakeMesh, options: XdsServerOptions = {}) {
  const { counts, metrics } = counters()
  const server = xdsServer(mesh, { metrics, ...options })
  cleanup.push(() => server.stop(0))
  const { port } = await server.listen('127.0.0.1:0')
  const client = () => {
    const raw = new RawClient(port)
    cleanup.push(() => raw.close())
    return raw
  }
  return { server, port, client, counts, mesh }
}

/** A well-behaved client whose service is measured by whether it is served at all. */
export async function neighbour(client: () => RawClient): Promise<DeltaStream> {
  const stream = client().delta()
  stream.send('eds', { node: { ...NODE, id: 'neighbour' }, resourceNamesSubscribe: ['n'] })
  stream.ack(await stream.next())
  return stream
}

/** The neighbour is told of a change. */
export async function isServed(stream: DeltaStream, mesh: FakeMesh, content: string): Promise<void> {
  mesh.put(fakeResource('eds', 'n', content)).publish()
  const update = await stream.next()
  expect(names(update)).toEqual(['n'])
  stream.ack(update)
}

/** One endpoint list, which the neighbour follows, and one cluster. */
export const world = () => new FakeMesh().put(fakeResource('eds', 'n', '0'), fakeResource('cds', 'c', '1'))
