import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { comesTrue, until } from './eventually.ts'
import { freePort, freePorts } from './ports.ts'
import { startWitness, stopAfterTests } from './processes.ts'

export const REDIS_SERVER = process.env['REDIS_SERVER_BIN'] ?? 'redis-server'

/** Whether there is a redis-server: REDIS_SERVER_BIN, or one on PATH. */
export async function hasRedis(): Promise<boolean> {
  return promisify(execFile)(REDIS_SERVER, ['--version']).then(
    () => true,
    () => false,
  )
}

export const HOW_TO_GET_REDIS = 'install redis-server (Debian: apt-get install redis-server), or set REDIS_SERVER_BIN'

export interface TestRedis {
  readonly port: number
  readonly url: string
  readonly pid: number
  readonly running: boolean
  /** Ends it at once; what it held is gone. */
  kill(): Promise<void>
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>
  /** SIGSTOP: it takes connections and answers nothing. */
  freeze(): void
  thaw(): void
  /** Whatever a test did to it, it runs and answers: for `afterEach`. */
  revive(): Promise<void>
}

/** A real Redis on loopback that keeps nothing on disk. */
export async function startRedis(more: readonly string[] = []): Promise<TestRedis> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-redis-'))
  let run = await start()
  stopAfterTests(async () => {
    if (run.running) process.kill(run.pid, 'SIGCONT')
    await run.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function start() {
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
    const args = [...own, ...more]
    const started = await startWitness({ command: REDIS_SERVER, args, cwd: folder }, `Redis :${port}`)
    await comesTrue(() => {
      if (!started.running) throw new Error(`redis-server did not start: ${started.errors()}`)
      return answers(port)
    }, 'redis-server answers')
    return started
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return run.pid
    },
    get running() {
      return run.running
    },
    async kill() {
      process.kill(run.pid, 'SIGKILL')
      await run.exited
    },
    async restart() {
      run = await start()
    },
    freeze: () => {
      process.kill(run.pid, 'SIGSTOP')
    },
    thaw: () => {
      if (run.running) process.kill(run.pid, 'SIGCONT')
    },
    async revive() {
      if (run.running) process.kill(run.pid, 'SIGCONT')
      else run = await start()
    },
  }
}

const SLOTS = 16_384

export interface TestRedisCluster {
  readonly nodes: readonly TestRedis[]
  /** Starts another server, which copies one of them and takes its place when it dies. */
  addReplica(of: TestRedis): Promise<TestRedis>
  /** `redis+cluster://…`, which names the first of them alone. */
  readonly url: string
}

/** A real Redis Cluster of so many primaries, where those that are well go on without the others. */
export async function startRedisCluster(count: number): Promise<TestRedisCluster> {
  const buses = await freePorts(count)
  const startNode = (bus: number) =>
    startRedis([
      ...['--cluster-enabled', 'yes', '--cluster-port', String(bus)],
      // Longer than a busy machine stands still: a server that is only late must not be taken for dead.
      ...['--cluster-node-timeout', '5000', '--cluster-require-full-coverage', 'no'],
    ])
  const nodes = await Promise.all(buses.map(startNode))
  const clients = nodes.map(({ url }) => new Redis(url))
  for (const client of clients) client.on('error', () => {})
  try {
    await Promise.all(
      clients.map(async (client, index) => {
        const [from, to] = [Math.floor((SLOTS * index) / count), Math.floor((SLOTS * (index + 1)) / count) - 1]
        await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
      }),
    )
    for (const [index, client] of clients.entries())
      for (const [other, { port }] of nodes.entries())
        if (other !== index) await client.call('CLUSTER', 'MEET', '127.0.0.1', port, buses[other]!)
    for (const client of clients)
      await until(
        async () => String(await client.call('CLUSTER', 'INFO')),
        (info) => info.includes(`cluster_slots_ok:${SLOTS}`),
        { what: 'the cluster of Redis is up' },
      )
  } finally {
    for (const client of clients) client.disconnect()
  }
  const addReplica = async (of: TestRedis) => {
    const bus = await freePort()
    const replica = await startNode(bus)
    const [primary, client] = [new Redis(of.url), new Redis(replica.url)]
    try {
      const id = String(await primary.call('CLUSTER', 'MYID'))
      await client.call('CLUSTER', 'MEET', '127.0.0.1', of.port, buses[nodes.indexOf(of)]!)
      await comesTrue(async () => String(await client.call('CLUSTER', 'NODES')).includes(id))
      await comesTrue(async () => (await client.call('CLUSTER', 'REPLICATE', id).catch(() => '')) === 'OK')
      await comesTrue(async () => (await client.info('replication')).includes('master_link_status:up'))
      // All others know of it by then: they are asked whether it may take over.
      for (const { url } of nodes) {
        const other = new Redis(url)
        await comesTrue(async () =>
          new RegExp(`:${replica.port}@.* slave ${id}`).test(String(await other.cluster('NODES'))),
        )
        other.disconnect()
      }
    } finally {
      primary.disconnect()
      client.disconnect()
    }
    return replica
  }
  return { nodes, addReplica, url: `redis+cluster://127.0.0.1:${nodes[0]!.port}` }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(500, () => socket.destroy())
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString().startsWith('+PONG'))
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
