import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { XdsServer } from '../../controlplane/ads/server.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { FakeMesh } from '../helpers/fake-mesh.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { badCluster, cluster, endpoints, listener, routes, withUnknownField } from '../helpers/real-resources.ts'
import { xdsServer } from '../helpers/xds-server.ts'

const node = { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local' }
let one: Upstream
let two: Upstream

beforeAll(async () => {
  one = await startEcho('one')
  two = await startEcho('two')
})

async function serve(mesh: FakeMesh, port = 0): Promise<{ server: XdsServer; port: number }> {
  const server = xdsServer(mesh)
  stopAfterTests(() => server.stop(0))
  return { server, port: (await server.listen(`127.0.0.1:${port}`)).port }
}

function start(port: number, mode: 'delta' | 'sotw', name = 'web', ...more: readonly string[]): Promise<TestEnvoy> {
  const id = node.id.replace('web', name)
  return startEnvoy({ bootstrap: envoyBootstrap({ node: { id }, xds: { host: '127.0.0.1', port }, mode }), more })
}

const agent = new Agent({ keepAlive: true, maxSockets: 4 })

/** Status and name of the upstream that answered. */
function get(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        resolve(
          response.statusCode === 200
            ? `200 ${(JSON.parse(body) as { name: string }).name}`
            : `${response.statusCode} ${body}`,
        )
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Sends requests one after the other on several connections until told to stop; what came back, counted. */
function load(port: number): () => Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let running = true
  const worker = async () => {
    while (running) {
      const answer = await get(port).catch((error: Error) => `failed: ${error.message}`)
      counts[answer] = (counts[answer] ?? 0) + 1
    }
  }
  const workers = [worker(), worker(), worker(), worker()]
  return async () => {
    running = false
    await Promise.all(workers)
    return counts
  }
}

const synced = (server: XdsServer) =>
  server.status.clients().every((client) => client.types.every((type) => type.state === 'SYNCED'))

const world = () =>
  new FakeMesh().put(
    cluster('a'),
    cluster('b'),
    endpoints('a', one.port),
    endpoints('b', two.port),
    listener('web', 'web'),
    routes('web', { a: 100, b: 0 }),
  )

describe.each(['delta', 'sotw'] as const)('a real Envoy, %s', (mode) => {
  test('gets everything, follows a change of weights and of endpoints, and refuses nothing', async () => {
    const mesh = world()
    const { server, port } = await serve(mesh)
    const envoy = await start(port, mode)
    const at = await envoy.listenerPort('web')
    expect(await get(at)).toBe('200 one')
    mesh.put(routes('web', { a: 0, b: 100 })).publish()
    await comesTrue(async () => (await get(at)) === '200 two', 'the other cluster answers')
    mesh.put(endpoints('b', one.port)).publish()
    await comesTrue(async () => (await get(at)) === '200 one', 'the new endpoint answers')
    await comesTrue(() => synced(server), 'synced')
    expect(server.status.clients()).toMatchObject([{ node: { id: node.id }, form: mode, disconnectedAt: undefined }])
    expect(server.status.clients()[0]!.node.userAgent).toMatch(/^envoy\/1\./)
    expect(await envoy.rejected()).toEqual({})
  })

  test('loses no request while clusters are renamed, updated and removed under load', async () => {
    const mesh = world()
    const { server, port } = await serve(mesh)
    const envoy = await start(port, mode)
    const at = await envoy.listenerPort('web')
    expect(await get(at)).toBe('200 one')
    const stop = load(at)
    let old = 'a'
    for (let generation = 0; generation < 40; generation++) {
      const next = `a~${generation}`
      const upstream = generation % 2 === 0 ? two : one
      mesh.delete('cds', old).delete('eds', old)
      mesh.put(cluster(next), endpoints(next, upstream.port), routes('web', { [next]: 100 }))
      mesh.put(cluster('b', 1000 + generation)).publish()
      old = next
      if (generation % 3 === 2) await comesTrue(async () => (await get(at)) === `200 ${upstream.name}`, 'in force')
      else await sleep(7)
    }
    const clusters = async () =>
      (await envoy.configDump())['ClustersConfigDump'].dynamic_active_clusters
        .map((entry: { cluster: { name: string } }) => entry.cluster.name)
        .sort()
    await expect.poll(clusters).toEqual([old, 'b'].sort())
    await expect.poll(() => envoy.stat('cluster_manager.warming_clusters')).toBe(0)
    await comesTrue(() => synced(server), 'synced')
    const counts = await stop()
    expect(Object.keys(counts).filter((answer) => !answer.startsWith('200 '))).toEqual([])
    expect(await envoy.rejected()).toEqual({})
  })

  test('a refused cluster stops nothing else, and newcomers get its last accepted version', async () => {
    const mesh = world()
    const { server, port } = await serve(mesh)
    const envoy = await start(port, mode)
    const at = await envoy.listenerPort('web')
    mesh
      .put(badCluster('b'), badCluster('never-good'), cluster('c'), endpoints('c', two.port), routes('web', { c: 100 }))
      .publish()
    await comesTrue(async () => (await get(at)) === '200 two', 'the change that is fine arrives')
    await comesTrue(() => server.status.diagnostics().length === 2, 'the refusal is known')
    expect(server.status.diagnostics().map(({ code, severity }) => `${code} ${severity}`)).toEqual(
      Array(2).fill('XDS_REJECTED error'),
    )
    const newcomer = await start(port, mode, 'late')
    const clusters = (await newcomer.configDump())['ClustersConfigDump'].dynamic_active_clusters
    expect(clusters.map((entry: { cluster: { name: string } }) => entry.cluster.name).sort()).toEqual(['a', 'b', 'c'])
    expect(await newcomer.rejected()).toEqual({})
    mesh.put(cluster('b', 2000)).delete('cds', 'never-good').publish()
    const well = () => synced(server) && server.status.diagnostics().length === 0
    await comesTrue(well, 'all is well again')
  })

  test('that alone and without names refuses what others accepted has nothing else blamed', async () => {
    const mesh = world()
    const { server, port } = await serve(mesh)
    const first = await start(port, mode, 'first')
    await comesTrue(() => synced(server), 'synced')
    mesh.put(withUnknownField(cluster('b'))).publish()
    await comesTrue(() => synced(server), 'synced')
    await first.stop()
    await comesTrue(() => server.status.connected === 0, 'gone')
    // What nobody has accepted, beside what somebody did.
    mesh.put(cluster('c'), endpoints('c', one.port), cluster('d'), endpoints('d', two.port)).publish()
    const strict = await start(port, mode, 'strict', '--reject-unknown-dynamic-fields')
    const names = async ({ configDump }: TestEnvoy) =>
      ((await configDump())['ClustersConfigDump'].dynamic_active_clusters ?? [])
        .map((entry: { cluster: { name: string } }) => entry.cluster.name)
        .sort()
    await expect.poll(() => names(strict)).toEqual(['a', 'b', 'c', 'd'])
    await comesTrue(() => server.status.diagnostics().length === 1, 'the refusal is known')
    const [diagnostic] = server.status.diagnostics()
    expect(diagnostic).toMatchObject({ code: 'XDS_REJECTED', severity: 'warning' })
    expect(diagnostic!.message).toMatch(/^1 of \d proxies refused cluster "b": .*unknown field/)
    const late = await start(port, mode, 'late')
    expect(await names(late)).toEqual(['a', 'b', 'c', 'd'])
    expect(await late.rejected()).toEqual({})
    expect(server.status.diagnostics()).toHaveLength(1)
  })

  test('keeps serving while the control plane restarts, and takes what changed meanwhile', async () => {
    const mesh = world()
    const port = await freePort()
    const first = await serve(mesh, port)
    const envoy = await start(port, mode)
    const at = await envoy.listenerPort('web')
    const stop = load(at)
    await first.server.stop(0)
    mesh.put(cluster('c'), endpoints('c', two.port), routes('web', { c: 100 }))
    mesh.put(cluster('b', 2000))
    const second = await serve(mesh, port)
    await comesTrue(async () => (await get(at)) === '200 two', 'reconnected')
    mesh.delete('cds', 'a').delete('eds', 'a').publish()
    await comesTrue(() => second.server.status.connected === 1 && synced(second.server), 'synced')
    const counts = await stop()
    expect(Object.keys(counts).filter((answer) => !answer.startsWith('200 '))).toEqual([])
    expect(await envoy.rejected()).toEqual({})
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0)
  })
})

test('an address that one machine cannot open is a matter of its Envoy alone, which gets it as soon as it can open it, or when it comes back', async () => {
  const folder = testFolder('unopened')
  const path = join(folder, 'later', 'web.sock')
  const mesh = world().put(listener('local', 'web', path))
  const { server, port } = await serve(mesh)
  const envoy = await start(port, 'delta')
  await envoy.listenerPort('web')
  await comesTrue(() => server.status.diagnostics().length > 0, 'the refusal is known')
  expect(server.status.diagnostics()).toMatchObject([
    { severity: 'warning', message: expect.stringContaining(`cannot bind '${path}'`) },
  ])
  const opened = () => synced(server) && server.status.diagnostics().length === 0 && existsSync(path)
  mkdirSync(dirname(path))
  await comesTrue(opened, 'it was offered again')
  await envoy.stop()
  rmSync(dirname(path), { recursive: true })
  const back = await start(port, 'delta')
  await comesTrue(() => server.status.diagnostics().length > 0, 'the refusal is known again')
  await back.stop()
  mkdirSync(dirname(path))
  await start(port, 'delta')
  await comesTrue(opened, 'it has all there is')
})
