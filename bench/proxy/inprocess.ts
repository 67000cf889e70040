/**
 * What the proxy's own code costs a message: clients and upstreams are objects in this process, no byte meets the kernel. One route against
 * sixty-four, ten thousand against sixty-four, all features against none, and thrift by itself. Slices of the ways take turns; the cheapest twentieth of the slices
 * counts, since a shared machine can only add.
 *
 * `npx tsx bench/proxy/inprocess.ts [--slices 200 --only '64 routes, thrift' --shape 16x32 -o json]`
 */
import type { Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { Intake } from '../../dataplane/framing/intake.ts'
import { Client } from '../../dataplane/listen/client.ts'
import { MessageProxy } from '../../dataplane/proxy.ts'
import { arrive, asSocket, FakeSocket } from '../../test/helpers/fake-socket.ts'
import { conditions, quantile, round } from '../measure.ts'
import { configurationOf, type Workload } from './configuration.ts'
import { parseShape } from './load.ts'

const { values } = parseArgs({
  options: {
    slices: { type: 'string', default: '300' },
    only: { type: 'string' },
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
    const before = process.cpuUsage()
    for (let i = 0; i < turns; i++) await turn()
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1000) / (turns * perTurn)
  }
  return { name, run }
}

/** Only where it is asked for: a second protocol in one process makes the calls of codecs dearer for every way, by a tenth and more. */
const THRIFT = '64 routes, thrift'

const wanted: readonly (readonly [
  string,
  number,
  Pick<Workload, 'routes' | 'features'>,
  protocol?: Workload['protocol'],
])[] = [
  ['1 route', 1, { routes: 1, features: 'plain' }],
  ['64 routes', 1, { routes: 64, features: 'plain' }],
  ['10,000 routes', 1, { routes: 10_000, features: 'plain' }],
  ['64 routes, four services', 4, { routes: 64, features: 'plain' }],
  ['64 routes, all features', 1, { routes: 64, features: 'all' }],
  [THRIFT, 1, { routes: 64, features: 'plain' }, 'thrift'],
]
const isWanted = (name: string) => (values.only ? name.startsWith(values.only) : name !== THRIFT)
const ways: Way[] = []
for (const [name, services, workload, protocol] of wanted)
  if (isWanted(name)) ways.push(await way(name, services, workload, protocol))

const slices = new Map<string, number[]>(ways.map(({ name }) => [name, []]))
for (let n = 0; n < 30; n++) for (const { run } of ways) await run()
for (let n = 0; n < Number(values.slices); n++) {
  for (const { name, run } of n % 2 === 0 ? ways : [...ways].reverse()) slices.get(name)!.push(await run())
}
const base = quantile(slices.get('64 routes') ?? [], 0.05)
const rows = ways.map(({ name }) => {
  const ns = quantile(slices.get(name)!, 0.05)
  return { way: name, ns: round(ns, 0), ratio: round(ns / base, 3) }
})
if (values.output !== 'json') console.table(rows)
console.log(
  JSON.stringify({ bench: 'proxy in process', unit: 'CPU ns per round trip', rows, conditions: await conditions() }),
)
process.exit(0)
