/**
 * What the proxy's own code costs a message: clients and upstreams are objects in this process, no byte meets the kernel. One route against
 * sixty-four, ten thousand against sixty-four, all features against none, and thrift by itself. Of the ns the cheapest twentieth of the slices counts, since a
 * shared machine can only add. A ratio is the median over pairs of slices that follow one another, in both orders and in several processes: one process compiles
 * its code and lays out its memory once, and may stand 5 % off with it.
 *
 * `npx tsx bench/proxy/inprocess.ts [--slices 100 --processes 5 --only '1 route; 64 routes' --shape 16x32 -o json]`
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Intake } from '../../dataplane/framing/intake.ts'
import { Client } from '../../dataplane/listen/client.ts'
import { MessageProxy } from '../../dataplane/proxy.ts'
import { arrive, asSocket, FakeSocket } from '../../test/helpers/fake-socket.ts'
import { conditions, median, quantile, round } from '../measure.ts'
import { configurationOf, type Workload } from './configuration.ts'
import { parseShape } from './load.ts'

const { values } = parseArgs({
  options: {
    slices: { type: 'string', default: '100' },
    processes: { type: 'string', default: '5' },
    only: { type: 'string' },
    /** Given to the processes: the number of one, which measures and prints what it found. */
    process: { type: 'string' },
    shape: { type: 'string', default: '16x32' },
    output: { type: 'string', short: 'o', default: 'table' },
  },
})
const shape = parseShape(values.shape)
const frameBytes = 300

const readBytes = 65_536

/** An upstream: all that one write brought comes back as one chunk of replies. */
function echo(intake: Intake, ready: () => void, kindAt: number): Socket {
  const socket = new FakeSocket()
  // As the kernel does: what was written is copied, and read in pieces of what one read takes.
  let waiting = new Uint8Array(1 << 16)
  let used = 0
  const deliver = () => {
    const bytes = waiting.subarray(0, used)
    for (let at = kindAt; at < bytes.length; at += frameBytes) bytes[at] = 2
    used = 0
    for (let at = 0; at < bytes.length; at += readBytes)
      arrive(intake, bytes.subarray(at, Math.min(at + readBytes, bytes.length)))
  }
  socket.taken = (bytes) => {
    if (used === 0) setImmediate(deliver)
    if (used + bytes.length > waiting.length) {
      const grown = new Uint8Array((used + bytes.length) * 2)
      grown.set(waiting.subarray(0, used))
      waiting = grown
    }
    waiting.set(bytes, used)
    used += bytes.length
  }
  setImmediate(ready)
  return asSocket(socket)
}

/** Framed calls in the strict binary form, of the same length as game's. */
function calls(client: number, routes: number): Buffer {
  const chunk = Buffer.alloc(frameBytes * shape.window)
  for (let i = 0; i < shape.window; i++) {
    const at = i * frameBytes
    const name = `method_${String((client * 37 + i) % routes).padStart(2, '0')}`
    chunk.writeUInt32BE(frameBytes - 4, at)
    chunk.writeUInt32BE(0x80010001, at + 4)
    chunk.writeUInt32BE(name.length, at + 8)
    chunk.write(name, at + 12, 'latin1')
    chunk.writeUInt32BE(i, at + 12 + name.length)
  }
  return chunk
}

function requests(client: number, routes: number): Buffer {
  const chunk = Buffer.alloc(frameBytes * shape.window)
  for (let i = 0; i < shape.window; i++) {
    const at = i * frameBytes
    chunk.writeUInt32BE(frameBytes, at)
    chunk.writeUInt16BE(0x4d47, at + 4)
    chunk[at + 6] = 1
    chunk.writeUInt32BE(100_000 + ((client * 37 + i) % routes), at + 8)
    chunk.writeUInt32BE(i, at + 12)
    chunk.writeUInt32BE(client * 31 + (i % 7), at + 20)
  }
  return chunk
}

interface Way {
  readonly name: string
  /** One slice. @returns ns of CPU per round trip */
  readonly run: () => Promise<number>
}

async function way(
  name: string,
  services: number,
  workload: Pick<Workload, 'routes' | 'features'>,
  protocol: Workload['protocol'] = 'game',
): Promise<Way> {
  // Where a frame says that it is a reply.
  const kindAt = protocol === 'game' ? 6 : 7
  const proxy = new MessageProxy({ dial: (_address, intake, _options, ready) => echo(intake, ready, kindAt) })
  const upstreams = Array.from({ length: services }, (_, i) => i + 1)
  await proxy.apply(configurationOf({ protocol, upstreams, mirror: 9, ...workload }))
  const listener = proxy.listeners[0]!
  let replies = 0
  const sockets = Array.from({ length: shape.connections }, (_, client) => {
    const socket = new FakeSocket()
    socket.taken = (bytes) => {
      replies += bytes.length / frameBytes
    }
    const intake = new Intake(proxy.engine.slabs)
    listener.clients.add(new Client(proxy.engine, listener, asSocket(socket), intake, undefined))
    return { intake, chunk: (protocol === 'game' ? requests : calls)(client, workload.routes) }
  })
  const perTurn = shape.connections * shape.window
  const turn = async () => {
    replies = 0
    for (const { intake, chunk } of sockets) arrive(intake, chunk)
    for (let i = 0; replies < perTurn; i++) {
      if (i > 1000) throw new Error(`${name}: ${replies} of ${perTurn} replies`)
      await new Promise(setImmediate)
    }
  }
  const turns = Math.max(4, Math.round(10_000 / perTurn))
  const run = async () => {
    // Another way ran before: what it left in the caches is not this way's.
    for (let i = 0; i < 3; i++) await turn()
    const before = process.cpuUsage()
    for (let i = 0; i < turns; i++) await turn()
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / (turns * perTurn)
  }
  return { name, run }
}

/** What the others are compared with. */
const BASE = '64 routes'

type WayArguments = readonly [
  name: string,
  services: number,
  workload: Pick<Workload, 'routes' | 'features'>,
  protocol?: Workload['protocol'],
]

const standard: readonly WayArguments[] = [
  ['1 route', 1, { routes: 1, features: 'plain' }],
  [BASE, 1, { routes: 64, features: 'plain' }],
  ['10,000 routes', 1, { routes: 10_000, features: 'plain' }],
  ['64 routes, four services', 4, { routes: 64, features: 'plain' }],
  ['64 routes, all features', 1, { routes: 64, features: 'all' }],
]

/** Only where they are asked for: a second protocol in one process makes the calls of codecs dearer for every way, by a tenth and more. */
const onDemand: readonly WayArguments[] = [
  ['64 routes, thrift', 1, { routes: 64, features: 'plain' }, 'thrift'],
  ['64 routes, thrift, four services', 4, { routes: 64, features: 'plain' }, 'thrift'],
]

function wanted(): readonly WayArguments[] {
  if (values.only === undefined) return standard
  const all = [...standard, ...onDemand]
  return values.only.split(';').map((part) => {
    const found = all.find(([name]) => name === part.trim())
    if (!found) throw new Error(`there is no way "${part.trim()}"; there are ${all.map(([name]) => name).join('; ')}`)
    return found
  })
}

/** Slices of a way in one process, ns; and for each the slice of `BASE` beside it, where that was wanted. */
interface Slices {
  readonly own: readonly number[]
  readonly base: readonly number[]
}

/** One process: every way in turn with `BASE`, now the one first and now the other. `process` counts from 0. */
async function measure(process: number): Promise<Record<string, Slices>> {
  const order = process % 2 === 0 ? wanted() : [...wanted()].reverse()
  const ways: Way[] = []
  for (const each of order) ways.push(await way(...each))
  const base = ways.find(({ name }) => name === BASE)
  const others = ways.filter((each) => each !== base)
  for (let n = 0; n < 30; n++) for (const { run } of ways) await run()
  const taken = new Map(ways.map(({ name }) => [name, { own: [] as number[], base: [] as number[] }]))
  const add = (name: string, own: number, beside?: number) => {
    taken.get(name)!.own.push(own)
    if (beside !== undefined) taken.get(name)!.base.push(beside)
  }
  for (let n = 0; n < Number(values.slices); n++) {
    for (const { name, run } of n % 2 === 0 ? others : [...others].reverse()) {
      // Beside itself, the base says what a pair is worth.
      const before = n % 2 === 0 ? await base?.run() : undefined
      const own = await run()
      add(name, own, before ?? (await base?.run()))
    }
    if (!base) continue
    const first = await base.run()
    const second = await base.run()
    add(BASE, n % 2 === 0 ? second : first, n % 2 === 0 ? first : second)
  }
  return Object.fromEntries(taken)
}

async function inOwnProcess(number: number): Promise<Record<string, Slices>> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2), '--process', `${number}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(await text(child.stdout)) as Record<string, Slices>
}

if (values.process !== undefined) {
  const found = JSON.stringify(await measure(Number(values.process)))
  process.stdout.write(found, () => process.exit(0))
} else {
  const found: Record<string, Slices>[] = []
  for (let n = 0; n < Number(values.processes); n++) found.push(await inOwnProcess(n))
  const rows = wanted().map(([name]) => {
    const ratios = found.map((of) => of[name]!.base.map((base, i) => of[name]!.own[i]! / base))
    const all = ratios.flat()
    const each = ratios.map(median)
    const range = (from: number, to: number) => `${round(from, 3)} to ${round(to, 3)}`
    const ns = found.flatMap((of) => of[name]!.own)
    return {
      way: name,
      ns: round(quantile(ns, 0.05), 0),
      ...(all.length > 0 && {
        ratio: round(median(all), 3),
        'half of the pairs': range(quantile(all, 0.25), quantile(all, 0.75)),
        'medians of processes': range(Math.min(...each), Math.max(...each)),
      }),
    }
  })
  if (values.output !== 'json') console.table(rows)
  console.log(
    JSON.stringify({ bench: 'proxy in process', unit: 'CPU ns per round trip', rows, conditions: await conditions() }),
  )
}
