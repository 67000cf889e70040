import { readFileSync, renameSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { AdminServer } from '../../dataplane/admin/server.ts'
import { complainTo } from '../../dataplane/complain.ts'
import { WorkerPool } from '../../dataplane/workers/pool.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { collector } from './collector.ts'
import { Bed, byId, encode, endpoints, GameClient, gameConfiguration, splitter } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

describe('several workers', () => {
  it('share a port evenly, take one configuration, are summed, replaced when they crash, as soon as that can be done, and drained', async () => {
    const complaints: string[] = []
    complainTo((thing, text) => complaints.push(`${thing}: ${text}`))
    bed.defer(() => complainTo())
    const server = await bed.server('a')
    const pool = new WorkerPool({ workers: 2, execArgv: ['--import', 'tsx'] })
    bed.defer(() => pool.drain(100))
    await pool.start()
    const configuration = gameConfiguration({
      routes: [{ name: 'game', routes: [byId(1, 'a')] }],
      clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
    })
    expect(await pool.apply(configuration)).toEqual([])
    const { port } = pool.address('game') as { port: number }
    const connect = () => {
      const client = new GameClient(port)
      bed.defer(() => client.close())
      return client
    }
    const clients: GameClient[] = []
    for (let seq = 0; seq < 10; seq++) {
      const client = connect()
      clients.push(client)
      await client.ask({ msgid: 1, seq })
    }
    const stats = await pool.stats()
    expect(stats.counters['envoy_listener_downstream_rq_total{envoy_listener_address="game"}']).toBe(10)
    expect(stats.gauges['meshgate_workers']).toBe(2)
    const admin = new AdminServer(pool.admin())
    bed.defer(() => admin.close())
    const base = `http://127.0.0.1:${await admin.listen('127.0.0.1', 0)}`
    const text = await (await fetch(`${base}/stats/prometheus`)).text()
    expect(text).toContain('envoy_cluster_upstream_rq_total{envoy_cluster_name="a"} 10')
    expect((await fetch(`${base}/ready`)).status).toBe(200)
    expect((await fetch(`${base}/drain`)).status).toBe(405)

    // At first there is no program for the one that is to replace it.
    const { execPath } = process
    bed.defer(() => void Object.assign(process, { execPath }))
    process.execPath = join(testFolder('workers'), 'node')
    const [victim, other] = pool.pids
    process.kill(victim!, 'SIGKILL')
    await comesTrue(() => clients.filter(({ closed }) => closed).length === 5, 'half of the clients are cut')
    await comesTrue(() => complaints.length > 0, 'a worker cannot be started')
    expect(complaints).toEqual([expect.stringMatching(/^worker: cannot be started: spawn .*ENOENT/)])
    expect(pool.pids).toEqual([other])
    process.execPath = execPath
    await comesTrue(() => pool.pids.length === 2 && !pool.pids.includes(victim!), 'a new worker')
    for (let seq = 0; seq < 10; seq++) await connect().ask({ msgid: 1, seq })
    const after = await pool.stats()
    expect(after.counters['envoy_listener_downstream_rq_total{envoy_listener_address="game"}']).toBe(20)
    expect(after.counters['meshgate_worker_crashes_total']).toBe(1)

    await pool.drain(5000)
    expect(pool.pids).toEqual([])
    await Promise.all(clients.map((client) => client.ended()))
  })

  it('go on without one that is stopped: it is told, counters do not go back, and it takes the newest configuration when it goes on', async () => {
    const servers = [await bed.server('a'), await bed.server('b')]
    const silent = new Set<number>()
    const onSilent = (pid: number, is: boolean) => void (is ? silent.add(pid) : silent.delete(pid))
    const pool = new WorkerPool({ workers: 2, execArgv: ['--import', 'tsx'], answerMs: 1000, onSilent })
    bed.defer(() => pool.drain(100))
    await pool.start()
    const to = (name: 'a' | 'b') =>
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, name)] }],
        clusters: servers.map(({ port }, index) => ({
          name: 'ab'[index]!,
          localities: endpoints(port),
          balancer: { kind: 'roundRobin' },
        })),
      })
    await pool.apply(to('a'))
    const { port } = pool.address('game') as { port: number }
    const clients = [new GameClient(port), new GameClient(port)]
    for (const client of clients) bed.defer(() => client.close())
    for (const [seq, client] of clients.entries()) await client.ask({ msgid: 1, seq })
    const asked = async () => {
      const { counters, gauges } = await pool.stats()
      return [
        counters['envoy_listener_downstream_rq_total{envoy_listener_address="game"}'],
        gauges.meshgate_workers_silent,
      ]
    }
    // On a busy machine one that is well may be late once.
    await expect.poll(asked).toEqual([2, 0])

    const [stopped] = pool.pids
    process.kill(stopped!, 'SIGSTOP')
    bed.defer(async () => void process.kill(stopped!, 'SIGCONT'))
    await expect.poll(asked).toEqual([2, 1])
    expect([...silent]).toEqual([stopped])
    for (const name of ['b', 'a', 'b'] as const) await pool.apply(to(name))
    process.kill(stopped!, 'SIGCONT')
    await comesTrue(() => silent.size === 0, 'it answers again')
    await expect.poll(asked).toEqual([2, 0])
    const answerers = () =>
      Promise.all(clients.map(async (client) => String((await client.ask({ msgid: 1, seq: 9 })).body)))
    await expect.poll(answerers).toEqual(['b:', 'b:'])
  })

  it('go on when a terminal or a service manager signals all processes: the first one hears it and lets them drain', async () => {
    const server = await bed.server('a')
    const pool = new WorkerPool({ workers: 1, execArgv: ['--import', 'tsx'] })
    bed.defer(() => pool.drain(100))
    await pool.start()
    await pool.apply(
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, 'a')] }],
        clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
      }),
    )
    const client = new GameClient((pool.address('game') as { port: number }).port)
    bed.defer(() => client.close())
    await client.ask({ msgid: 1, seq: 1 })
    const { pids } = pool
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(pids[0]!, signal)
    // A signal that ends a process has ended it before it reads what is written after it.
    expect(String((await client.ask({ msgid: 1, seq: 2, body: 'on' })).body)).toBe('a:on')
    expect(pool.pids).toEqual(pids)
  })

  it('say together, once, what each of them complains of', async () => {
    const lines: string[] = []
    complainTo((thing, text, more) => lines.push(`${thing}: ${text} ${more}`))
    bed.defer(() => complainTo())
    const pool = new WorkerPool({ workers: 2, execArgv: ['--import', 'tsx'] })
    bed.defer(() => pool.drain(100))
    await pool.start()
    const names = { family: 'v4', refreshMs: 50, retryMs: { base: 50, max: 50 } } as const
    await pool.apply(
      gameConfiguration({
        routes: [{ name: 'game', routes: [byId(1, 'a')] }],
        clusters: [
          {
            name: 'a',
            names,
            localities: [{ endpoints: [{ address: { host: 'nobody.invalid', port: 7 } }] }],
            balancer: { kind: 'roundRobin' },
          },
        ],
      }),
    )
    await comesTrue(() => lines.length > 0, 'a complaint')
    // Each has looked for the name by now, and tells before it answers this.
    await pool.stats()
    expect(lines).toEqual([expect.stringMatching(/^name nobody\.invalid: its addresses cannot be found: .* 0$/)])
  })

  it('listen on socket files that a killed process left behind, and write their last lines and spans before they end', async () => {
    const server = await bed.server('a')
    const folder = testFolder('workers')
    const { endpoint, spans } = await collector(bed)
    const paths = Array.from({ length: 40 }, (_, index) => join(folder, `${index}.sock`))
    for (const path of paths) await leaveStale(path)
    const log = join(folder, 'access.log')
    const base = gameConfiguration({
      routes: [{ name: 'game', routes: [byId(1, 'a')] }],
      clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
    })
    const listeners = paths.map((path, index) => ({
      ...base.listeners[0]!,
      name: `game${index}`,
      address: { path },
      accessLog: { path: log, sampling: 100 },
      tracing: { endpoint, sampling: 100 },
    }))
    const pool = new WorkerPool({ workers: 2, execArgv: ['--import', 'tsx'] })
    bed.defer(() => pool.drain(100))
    await pool.start()
    expect(await pool.apply({ ...base, listeners })).toEqual([])
    const each = 50
    await Promise.all(paths.map((path) => askAll(path, each)))
    // The same again removes no file that is in use.
    expect(await pool.apply({ ...base, listeners, version: 'next' })).toEqual([])
    await Promise.all(paths.map((path) => askAll(path, each)))
    await pool.drain(5000)
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(2 * paths.length * each)
    expect(spans).toHaveLength(2 * paths.length * each)
  })
})

/** A socket file nobody listens on: a server removes at its end only the name it had. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.before`, resolve))
  renameSync(`${path}.before`, path)
  await new Promise((resolve) => server.close(resolve))
}

/** Sends so many requests on a connection of their own and waits for their answers. */
async function askAll(path: string, count: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let answered = 0
    const socket = connect({ path })
    socket.on('error', reject)
    socket.on(
      'data',
      splitter(() => {
        if (++answered === count) socket.end(resolve)
      }),
    )
    for (let seq = 1; seq <= count; seq++) socket.write(encode({ msgid: 1, seq }))
  })
}
