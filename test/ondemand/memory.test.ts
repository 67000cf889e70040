import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { OnDemandMemory, type OnDemandMemoryOptions, stateFile, type Usage } from '../../controlplane/ondemand/index.ts'
import { createReports } from '../../controlplane/reports/index.ts'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, startTcpEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { exchange, services, startLazyEnvoy, startPlane, virtualService } from './bed.ts'

let one: Upstream
beforeAll(async () => {
  one = await startEcho('one')
})

const logger = {
  info: () => {},
  warn: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
}
const silent: Usage = { reporting: () => false, lastUsed: () => undefined }
const memoryOf = (options: Partial<OnDemandMemoryOptions> = {}) =>
  new OnDemandMemory({ usage: silent, idleMs: () => 1000, logger, ...options })
const world = () => services(20, one)
const name = (index: number, generation = 0) => `outbound|80||svc${index}.test${generation ? `~${generation}` : ''}`
const statuses = async (port: number, indexes: readonly number[]) => {
  const found: number[] = []
  for (const index of indexes) found.push((await ask(port, `svc${index}.test`)).status)
  return found
}

/** Everybody reports that nothing was ever used. */
const unused: Usage = { reporting: () => true, lastUsed: () => 0 }

describe('what a workload uses', () => {
  test('a new replica has it before its first request, another workload does not', async () => {
    const plane = await startPlane(world(), { memory: memoryOf() })
    const first = await startLazyEnvoy(plane.port, { name: 'web-0' })
    expect(await statuses(first.httpPort, [3, 7])).toEqual([200, 200])
    const second = await startLazyEnvoy(plane.port, { name: 'web-1' })
    expect(await second.clusters()).toEqual([name(3), name(7)])
    plane.trace.length = 0
    expect(await statuses(second.httpPort, [3, 7])).toEqual([200, 200])
    expect(plane.trace).not.toContain('cds')
    const other = await startLazyEnvoy(plane.port, { name: 'cart-0' })
    expect(await other.clusters()).toEqual([])
  })

  test('is known after the control plane was killed: by its file', async () => {
    const store = stateFile(join(testFolder('ondemand'), 'state.json'))
    const memory = memoryOf({ store })
    const plane = await startPlane(world(), { memory })
    const first = await startLazyEnvoy(plane.port, { name: 'web-0' })
    expect(await statuses(first.httpPort, [3])).toEqual([200])
    await comesTrue(async () => (await store.load()) !== undefined, 'saved')
    await first.stop()
    const later = memoryOf({ store })
    await later.load()
    const next = await startPlane(world(), { memory: later })
    const second = await startLazyEnvoy(next.port, { name: 'web-1' })
    expect(await second.clusters()).toEqual([name(3)])
  })
})

describe('letting go', () => {
  test('what nobody uses goes, under load without a failure, and comes back under another name as often as it is wanted', async () => {
    const memory = memoryOf({ usage: unused })
    const plane = await startPlane(world(), { memory })
    const envoy = await startLazyEnvoy(plane.port)
    const failed: unknown[] = []
    let sent = 0
    let running = true
    const worker = async (offset: number) => {
      for (let index = offset; running; index++) {
        const { status, body } = await ask(envoy.httpPort, `svc${index % 20}.test`)
        sent++
        if (status !== 200) failed.push([status, body])
      }
    }
    const workers = [0, 5, 10, 15].map(worker)
    await comesTrue(async () => (await envoy.clusters()).length === 20, 'all are there')
    const firstNames = async () => (await envoy.clusters()).filter((cluster) => !cluster.includes('~'))
    for (let round = 0; round < 6 || (await firstNames()).length > 0; round++) {
      await comesTrue(() => memory.sweep(plane.server.lazyProxies()) > 0, 'something goes')
      await sleep(150)
    }
    running = false
    await Promise.all(workers)
    expect(failed).toEqual([])
    expect(sent).toBeGreaterThan(20)
    expect(await envoy.rejected()).toEqual({})
    expect(await firstNames()).toEqual([])
    // Dashboards see one cluster. The last one that was let go of may not have left yet.
    const inStatistics = '^cluster\\.outbound\\|80\\|\\|svc0\\.test;\\.membership_total$'
    await comesTrue(async () => {
      expect(await statuses(envoy.httpPort, [0])).toEqual([200])
      return Object.keys(await envoy.stats(inStatistics)).length === 1
    }, 'one name in statistics')
  })

  test('what went is gone from Envoy, and nothing is left warming', async () => {
    const memory = memoryOf({ usage: unused })
    const plane = await startPlane(world(), { memory })
    const envoy = await startLazyEnvoy(plane.port)
    for (let round = 0; round < 4; round++) {
      expect(await statuses(envoy.httpPort, [1, 2])).toEqual([200, 200])
      expect(memory.sweep(plane.server.lazyProxies())).toBe(2)
      await comesTrue(async () => (await envoy.clusters()).length === 0, 'gone')
    }
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0)
    expect(await envoy.stat('cluster_manager.cluster_removed')).toBe(8)
    const [proxy] = [...plane.server.lazyProxies()]
    expect([...proxy!.clusters]).toEqual([])
  })

  test('mirrors and what filters name are never let go of', async () => {
    const mirror = virtualService(
      'svc1.test',
      '[{route: [{destination: {host: svc1.test}}], mirror: {host: svc2.test}}]',
    )
    const memory = memoryOf({ usage: unused })
    const plane = await startPlane(world() + mirror, { memory })
    const envoy = await startLazyEnvoy(plane.port)
    expect(await statuses(envoy.httpPort, [1, 2])).toEqual([200, 200])
    expect(memory.sweep(plane.server.lazyProxies())).toBe(1)
    await comesTrue(async () => (await envoy.clusters()).length === 1, 'the other is gone')
    expect(await envoy.clusters()).toEqual([name(2)])
  })

  test('a control plane that comes back without its memory takes burnt names from the list of the proxy', async () => {
    const port = await freePort()
    const memory = memoryOf({ usage: unused })
    const plane = await startPlane(world(), { memory, port })
    const envoy = await startLazyEnvoy(port)
    expect(await statuses(envoy.httpPort, [1, 2, 3])).toEqual([200, 200, 200])
    memory.sweep(plane.server.lazyProxies())
    await comesTrue(async () => (await envoy.clusters()).length === 0, 'gone')
    expect(await statuses(envoy.httpPort, [1, 2])).toEqual([200, 200])
    memory.sweep(plane.server.lazyProxies())
    await comesTrue(async () => (await envoy.clusters()).length === 0, 'gone again')
    expect(await statuses(envoy.httpPort, [1])).toEqual([200])
    await plane.server.stop()
    const second = await startPlane(world(), { memory: memoryOf(), port })
    // Envoy waits up to 5 s between tries, at random.
    await comesTrue(() => second.server.status.connected === 1, 'reconnected')
    await comesTrue(
      () =>
        second.server.status
          .clients()
          .every(({ types }) => types.length >= 4 && types.every(({ state }) => state === 'SYNCED')),
      'in step',
    )
    // The newest name it knows of each: none is called as one that went, and routes need not change.
    expect(await envoy.clusters()).toEqual([name(1, 2), name(2, 1), name(3)])
    expect(await statuses(envoy.httpPort, [1, 2, 3, 4])).toEqual([200, 200, 200, 200])
    expect(await envoy.rejected()).toEqual({})
  })

  test('ends before a proxy has asked for more names than it may come back with: it would be turned away for ever', async () => {
    const port = await freePort()
    const limits = { namesPerStream: 40, spentNames: 10 }
    const memory = memoryOf({ usage: unused })
    const plane = await startPlane(world(), { memory, port, limits })
    const envoy = await startLazyEnvoy(port)
    const keepsAll = () => [...plane.server.lazyProxies()].some((proxy) => proxy.keepsAll)
    for (let round = 0; round < 30 && !keepsAll(); round++) {
      expect(await statuses(envoy.httpPort, [1, 2, 3])).toEqual([200, 200, 200])
      memory.sweep(plane.server.lazyProxies())
      if (!keepsAll()) await comesTrue(async () => (await envoy.clusters()).length === 0, 'gone')
    }
    expect(keepsAll()).toBe(true)
    expect(await statuses(envoy.httpPort, [1, 2, 3])).toEqual([200, 200, 200])
    expect(memory.sweep(plane.server.lazyProxies())).toBe(0)
    await plane.server.stop()
    const second = await startPlane(world(), { memory, port, limits })
    await comesTrue(() => second.server.status.connected === 1, 'it comes back')
    await comesTrue(() => [...second.server.lazyProxies()].some((proxy) => proxy.keepsAll), 'it says all of them')
    expect(await statuses(envoy.httpPort, [1, 2, 3, 4])).toEqual([200, 200, 200, 200])
    expect(await envoy.rejected()).toEqual({})
  })

  test('by the load reports of a real Envoy: what is used stays, what is not goes', async () => {
    const reports = createReports({ loadInterval: () => 300 })
    const memory = memoryOf({ usage: reports.load, idleMs: () => 5000 })
    const plane = await startPlane(world(), { memory, services: reports.services })
    const envoy = await startLazyEnvoy(plane.port)
    expect(await statuses(envoy.httpPort, [1, 2])).toEqual([200, 200])
    await comesTrue(async () => {
      expect(await statuses(envoy.httpPort, [1])).toEqual([200])
      memory.sweep(plane.server.lazyProxies())
      await sleep(100)
      return (await envoy.clusters()).length === 1
    }, 'one is let go of')
    expect(await envoy.clusters()).toEqual([name(1)])
    expect(await statuses(envoy.httpPort, [2])).toEqual([200])
    expect(await envoy.clusters()).toEqual([name(1), name(2, 1)])
  })

  test('a TCP cluster stays while a connection is open, however quiet, or new ones come; then it goes, and the next asks for its new name', async () => {
    const IDLE_MS = 2_500
    const reports = createReports({ loadInterval: () => 150 })
    const memory = memoryOf({ usage: reports.load, idleMs: () => IDLE_MS })
    const upstream = await startTcpEcho('tcp')
    const port = await freePort()
    const service = serviceAt('tcp.test', [upstream], `{number: ${port}, name: tcp, protocol: TCP}`)
    const plane = await startPlane(service, { memory, services: reports.services })
    const envoy = await startLazyEnvoy(plane.port)
    const cluster = `outbound|${port}||tcp.test`
    /** Looks for what is unused whenever the Envoy has just reported, for longer than a cluster may be unused. */
    const stays = async (between: () => Promise<unknown>) => {
      const until = Date.now() + 1.5 * IDLE_MS
      const letGo: number[] = []
      const stop = reports.load.onReport(() => letGo.push(memory.sweep(plane.server.lazyProxies())))
      while (Date.now() < until || letGo.length < 4) await between()
      stop()
      expect(letGo.filter((count) => count > 0)).toEqual([])
    }
    const goes = async () => {
      await comesTrue(() => memory.sweep(plane.server.lazyProxies()) > 0, 'let go of')
      await comesTrue(async () => (await envoy.clusters()).length === 0, 'gone')
    }
    const quiet = connect(port, '127.0.0.1').on('error', () => {})
    await comesTrue(async () => (await envoy.clusters()).includes(cluster), 'asked for')
    await stays(() => sleep(50))
    const last = new Promise((resolve) => quiet.once('data', resolve).once('close', () => resolve('closed')))
    quiet.write('late')
    expect(String(await last)).toContain('late')
    quiet.destroy()
    await goes()
    await stays(async () => {
      expect(await exchange(port, 'again')).toContain('again')
      await sleep(50)
    })
    expect(await envoy.clusters()).toEqual([`${cluster}~1`])
    await goes()
    expect(await exchange(port, 'once more')).toContain('once more')
    expect(await envoy.clusters()).toEqual([`${cluster}~2`])
    expect(await envoy.rejected()).toEqual({})
  })
})

describe('a proxy that changes class', () => {
  test('loses nothing, whatever either class has let go of', async () => {
    const memory = memoryOf({ usage: unused })
    const sidecar = (labels: string) => `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: ${labels.replace(/\W/g, '')}}
spec: {workloadSelector: {labels: {${labels}}}, egress: [{hosts: ['*/*']}]}
`
    const plane = await startPlane(world() + serviceAt('x.test', [one]), { memory })
    const envoy = await startLazyEnvoy(plane.port, { metadata: { LABELS: { app: 'web', tier: 'front' } } })
    const all = [0, 1, 2, 3]
    for (const labels of ['app: web', 'tier: front', 'app: web', 'tier: front']) {
      expect(await statuses(envoy.httpPort, all)).toEqual(all.map(() => 200))
      memory.sweep(plane.server.lazyProxies())
      await comesTrue(async () => (await envoy.clusters()).length === 0, 'gone')
      expect(await statuses(envoy.httpPort, [0])).toEqual([200])
      plane.commit(world() + serviceAt('x.test', [one]) + sidecar(labels))
      await sleep(200)
    }
    expect(await statuses(envoy.httpPort, all)).toEqual(all.map(() => 200))
    expect(await envoy.rejected()).toEqual({})
  })
})
