import { unlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { ask, MODES } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { testFolder } from '../helpers/folders.ts'
import { rulesFor, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

const SERVICES = 12

/** Requests at a steady pace, whatever their answers do; each that is not answered 200 is a loss. */
class Traffic {
  sent = 0
  readonly losses: string[] = []
  #running = true
  readonly #open = new Set<Promise<void>>()
  readonly #done: Promise<void>

  constructor(send: (index: number) => Promise<{ status: number }>) {
    this.#done = this.#run(send)
  }

  async #run(send: (index: number) => Promise<{ status: number }>): Promise<void> {
    while (this.#running) {
      const call = send(this.sent++)
        .then(({ status }) => {
          if (status !== 200) this.losses.push(String(status))
        })
        .catch((error: Error) => {
          this.losses.push(error.message)
        })
      this.#open.add(call)
      void call.then(() => this.#open.delete(call))
      await sleep(5)
    }
    await Promise.all(this.#open)
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#done
  }
}

/** Stands before the control plane, wherever that listens now, and keeps what it says. */
async function startTap(upstreamPort: () => number): Promise<{ port: number; take(): string }> {
  let heard = ''
  const server = createServer((client) => {
    const upstream = connect(upstreamPort(), '127.0.0.1')
    client.pipe(upstream).pipe(client)
    upstream.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stopAfterTests(async () => server.close())
  return {
    port: (server.address() as AddressInfo).port,
    take() {
      const all = heard
      heard = ''
      return all
    },
  }
}

const TYPES = {
  cds: 'envoy.config.cluster.v3.Cluster',
  eds: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  lds: 'envoy.config.listener.v3.Listener',
  rds: 'envoy.config.route.v3.RouteConfiguration',
} as const

/** Resources in what a control plane said: each, and each response, carries its type URL once. */
function resourcesIn(heard: string, responses: Updates): Readonly<Record<keyof typeof TYPES, number>> {
  const count = (type: keyof typeof TYPES) =>
    [...heard.matchAll(new RegExp(`type\\.googleapis\\.com/${TYPES[type].replaceAll('.', '\\.')}(?![A-Za-z])`, 'g'))]
      .length
  const kinds = Object.keys(TYPES) as (keyof typeof TYPES)[]
  return Object.fromEntries(kinds.map((type) => [type, count(type) - responses[type]])) as never
}

/** How many updates of each type Envoy took (endpoints over all clusters), and how many clusters and listeners it changed. */
type Updates = Readonly<Record<keyof typeof TYPES | 'clusters' | 'listeners', number>>
const since = (before: Updates, after: Updates): Updates =>
  Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - before[name as keyof Updates]]),
  ) as never

describe.each(MODES)('the control plane is killed and started again, %s', (mode) => {
  let folder: string
  let upstreams: readonly Upstream[]
  let control: ServeChild
  let envoy: TestEnvoy
  let httpPort: number
  let tap: Awaited<ReturnType<typeof startTap>>

  const write = (name: string, text: string) => writeFile(join(folder, name), text)
  const host = (index: number) => `svc${index}.default.svc.cluster.local`
  const weights = (v1: number, v2: number) =>
    rulesFor(
      'shop.test',
      `- route: [{destination: {host: ${host(0)}}, weight: ${v1}}, {destination: {host: ${host(1)}}, weight: ${v2}}]`,
    )
  const served = async () => (await ask(httpPort, 'shop.test')).upstream

  beforeAll(async () => {
    folder = testFolder('restart')
    upstreams = await Promise.all(['a', 'b'].map((name) => startEcho(name)))
    httpPort = await freePort()
    await write(
      'mesh.yaml',
      `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {httpPort: ${httpPort}, defaultHttpRetryPolicy: {attempts: 0}}\n`,
    )
    for (let index = 0; index < SERVICES; index++)
      await write(`svc${index}.yaml`, serviceAt(host(index), [upstreams[index % 2]!]))
    await write('shop.yaml', weights(100, 0))
    control = await serveChild(folder)
    tap = await startTap(() => control.xdsPort)
    envoy = await startEnvoy({
      bootstrap: envoyBootstrap({
        node: { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local' },
        xds: { host: '127.0.0.1', port: tap.port },
        mode,
      }),
    })
    expect(await served()).toBe('a')
    // With delta a cluster is there once it was used.
    for (let index = 0; index < SERVICES; index++) expect((await ask(httpPort, host(index))).status).toBe(200)
  })
  afterAll(async () => {
    await envoy?.stop()
    await control?.process.stop()
  })

  async function updates(): Promise<Updates> {
    const stats = await envoy.stats(
      'update_success|cluster_(added|modified|removed)$|listener_(added|modified|removed)$',
    )
    const sum = (fits: RegExp) =>
      Object.entries(stats).reduce((total, [name, count]) => (fits.test(name) ? total + count : total), 0)
    return {
      cds: sum(/^cluster_manager\.cds\.update_success/),
      lds: sum(/^listener_manager\.lds\.update_success/),
      rds: sum(/\.rds\..*\.update_success/),
      eds: sum(/^cluster\..*\.update_success/),
      clusters: sum(/^cluster_manager\.cluster_(added|modified|removed)/),
      listeners: sum(/^listener_manager\.listener_(added|modified|removed)/),
    }
  }
  const connected = () => envoy.stat('control_plane.connected_state')
  /** Everything Envoy asked for again was answered. */
  const inStep = async () => {
    const { proxies } = (await control.api('/api/v1/proxies')) as { proxies: { connected: boolean; state: string }[] }
    return proxies.map((proxy) => `${proxy.connected} ${proxy.state}`)
  }

  /** Kills it under load, does something, starts it again; resolves when Envoy is in step, and says what was lost and what Envoy had when it was down. */
  async function restart(whileDown: () => Promise<void> = async () => {}) {
    const traffic = new Traffic((index) => ask(httpPort, index % 2 === 0 ? 'shop.test' : host(index % SERVICES)))
    await sleep(100)
    await control.kill()
    // By now Envoy has taken all the old one said: what comes is of the new one.
    await expect.poll(connected).toBe(0)
    tap.take()
    const before = await updates()
    await whileDown()
    await sleep(200)
    control = await serveChild(folder)
    await expect.poll(connected, { timeout: 45_000, interval: 100 }).toBe(1)
    await expect.poll(inStep).toEqual(['true SYNCED'])
    // What would be sent in error would come in the moments after.
    await sleep(500)
    await traffic.stop()
    return { lost: { losses: traffic.losses, rejected: await envoy.rejected() }, before }
  }

  const nothing = { losses: [], rejected: {} }

  /** So many resources were sent since; a response may be on its way that Envoy does not count yet. */
  async function heard(before: Updates, resources: Readonly<Partial<Record<keyof typeof TYPES, number>>>) {
    let all = ''
    const sent = async () => {
      const updated = since(before, await updates())
      all += tap.take()
      return resourcesIn(all, updated)
    }
    await expect.poll(sent).toMatchObject(resources)
  }

  test('no request is lost, and what did not change is not sent or not applied again', async () => {
    const { lost, before } = await restart()
    expect(lost).toEqual(nothing)
    expect(before.clusters).toBeGreaterThanOrEqual(SERVICES)
    const updated = since(before, await updates())
    expect(updated).toMatchObject({ clusters: 0, listeners: 0 })
    // State of the world has no way to say what a client has: it is sent everything again, which changes nothing.
    if (mode === 'delta') await heard(before, { cds: 0, eds: 0, lds: 0, rds: 0 })
  })

  test('an edit made while it was down arrives, and nothing else', async () => {
    const { lost, before } = await restart(() => write('shop.yaml', weights(0, 100)))
    expect(lost).toEqual(nothing)
    await expect.poll(served).toBe('b')
    const updated = since(before, await updates())
    expect(updated).toMatchObject({ clusters: 0, listeners: 0 })
    if (mode === 'delta') await heard(before, { cds: 0, eds: 0, lds: 0, rds: 1 })
  })

  test('what was deleted while it was down goes, what was added comes', async () => {
    const clusters = async () =>
      (await envoy.admin('/clusters')).match(/^outbound\|80\|\|(late|svc11)\S*?(?=::)/gm) ?? []
    expect(new Set(await clusters())).toEqual(new Set([`outbound|80||${host(11)}`]))
    const late = 'late.default.svc.cluster.local'
    const { lost, before } = await restart(async () => {
      await unlink(join(folder, 'svc11.yaml'))
      await write('late.yaml', serviceAt(late, [upstreams[0]!]))
    })
    expect(lost.rejected).toEqual({})
    await expect.poll(async () => (await ask(httpPort, late)).upstream).toBe('a')
    await expect.poll(async () => new Set(await clusters())).toEqual(new Set([`outbound|80||${late}`]))
    expect((await ask(httpPort, host(11))).status).toBe(502)
    const updated = since(before, await updates())
    // One came, one went.
    expect(updated).toMatchObject({ clusters: 2, listeners: 0 })
    // Endpoints cannot be counted: with a cluster its counters go.
    if (mode === 'delta') await heard(before, { cds: 1, lds: 0, rds: 1 })
  })
})
