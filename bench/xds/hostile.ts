import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { MessageReader } from '../../controlplane/ads/message-reader.ts'
import { NodeSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { encode, make } from '../../proto/make.ts'
import { TYPE_URL } from '../../proto/types.ts'
import { firstLine } from './go.ts'
import type { Workload } from './workload.ts'

/*
 * Clients that ask for too much, come back all the time, send slowly or do not read, one after the other, against one control
 * plane that serves well-behaved ones meanwhile.
 */

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
/** Well-behaved proxies that are served meanwhile, a connection each. */
const NEIGHBOURS = 50
/** Endpoint changes they are told of during each attack. */
const CHANGES = 20
const MOST_RESPONSE = 64 * 1024 * 1024

/** What one client did to the control plane. */
export interface Attack {
  readonly name: string
  /** gRPC status its last stream ended with; undefined: it was served. */
  readonly status: string | undefined
  /** Growth of the server's RSS while it went on, at most, in MB. */
  readonly peakMb: number
  /** Growth of its heap, 2 s after the client had left and garbage was collected, in MB. */
  readonly leftMb: number
  /** From a change until the last of the neighbours has it, in ms. */
  readonly medianMs: number
  readonly longestMs: number
  /** Longest delay of the server's event loop meanwhile, in ms. */
  readonly loopMs: number
  /** CPU of the server for the attack and the changes, in ms. */
  readonly cpuMs: number
}

type Request = Omit<MessageInitShape<typeof DeltaDiscoveryRequestSchema>, '$typeName' | '$unknown' | 'node'>

/** One delta stream on a connection of its own. */
class Caller {
  status: string | undefined
  /** Messages that came. */
  answers = 0
  /** Those with endpoints, of well-behaved ones. */
  endpoints = 0
  private readonly session: ClientHttp2Session
  private readonly stream: ClientHttp2Stream

  /** @param manner what it does with answers: acknowledges them, only counts them, or leaves them unread */
  constructor(port: number, manner: 'answers' | 'counts' | 'never reads') {
    const reads = manner !== 'never reads'
    this.session = connect(`http://127.0.0.1:${port}`, {
      settings: { initialWindowSize: reads ? 16 << 20 : 65_535 },
      // Node takes no more headers, and so no status, on a connection that has more than this unsent; in MB.
      maxSessionMemory: 1000,
    })
    this.session.on('error', () => {})
    if (reads) this.session.on('connect', () => this.session.setLocalWindowSize(24 << 20))
    this.stream = this.session.request({ ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' })
    this.stream.on('error', () => {})
    const ended = (headers: Record<string, unknown>) => {
      const code = headers['grpc-status']
      if (code !== undefined) this.status = `${code} ${headers['grpc-message'] ?? ''}`
    }
    this.stream.on('response', ended)
    this.stream.on('trailers', ended)
    this.stream.on('close', () => {
      this.status ??= 'cut'
    })
    if (!reads) return
    const reader = new MessageReader(MOST_RESPONSE)
    this.stream.on('data', (chunk: Buffer) => {
      reader.add(chunk)
      for (let message = reader.next(); message; message = reader.next()) {
        this.answers++
        if (manner === 'answers') this.take(message)
      }
    })
  }

  say(framed: Buffer): void {
    if (!this.stream.destroyed && !this.stream.writableEnded) this.stream.write(framed)
  }

  private take(message: Buffer): void {
    const { typeUrl, nonce, resources } = fromBinary(DeltaDiscoveryResponseSchema, message)
    this.say(request({ typeUrl, responseNonce: nonce }))
    if (typeUrl === TYPE_URL.eds) this.endpoints++
    else if (typeUrl === TYPE_URL.cds)
      this.say(request({ typeUrl: TYPE_URL.eds, resourceNamesSubscribe: resources.map(({ name }) => name) }))
  }

  async leave(): Promise<void> {
    this.session.destroy()
    if (!this.session.closed) await once(this.session, 'close')
  }
}

/** A request as it is on the wire, with its node. */
function request(said: Request, id = 'sidecar~10.0.0.1~n.shop~x'): Buffer {
  const node = make(NodeSchema, { id, userAgentName: 'envoy' })
  const bytes = encode(DeltaDiscoveryRequestSchema, make(DeltaDiscoveryRequestSchema, { ...said, node }))
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** Plays each hostile client against one control plane, with well-behaved ones beside it. */
export async function runHostile(main: string, workload: Workload, report: (attack: Attack) => void): Promise<void> {
  const serving: ChildProcess = spawn(process.execPath, [main, '--serve', workload.name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const { xds, admin } = await firstLine<{ xds: number; admin: number }>(serving)
    const call = async (path: string, method = 'POST') =>
      (await fetch(`http://127.0.0.1:${admin}${path}`, { method })).text()
    const stats = async () =>
      JSON.parse(await call('/stats', 'GET')) as { rss: number; cpu: number; heapUsed: number; loopMax: number }
    const neighbours = Array.from({ length: NEIGHBOURS }, () => new Caller(xds, 'answers'))
    for (const neighbour of neighbours) neighbour.say(request({ typeUrl: TYPE_URL.cds, resourceNamesSubscribe: ['*'] }))
    await until(() => neighbours.every(({ endpoints }) => endpoints > 0))
    let change = 0
    for (const { name, prepare } of attacks(xds, call)) {
      // What the attacker writes is made before: only the server is to be measured.
      const run = prepare()
      await call('/gc')
      const before = await stats()
      let peak = before.rss
      let loopMs = 0
      let over = false
      const watching = (async () => {
        while (!over) {
          const { rss, loopMax } = await stats()
          peak = Math.max(peak, rss)
          loopMs = Math.max(loopMs, loopMax)
          await sleep(50)
        }
      })()
      watching.catch(() => {})
      const attacking = run()
      const lasts: number[] = []
      for (let index = 0; index < CHANGES; index++) {
        const counts = neighbours.map(({ endpoints }) => endpoints)
        const startedAt = performance.now()
        await call(`/ep?svc=${++change % workload.services}&v=${change}`)
        await until(() => neighbours.every(({ endpoints }, at) => endpoints > counts[at]!))
        lasts.push(performance.now() - startedAt)
        await sleep(100)
      }
      const status = await attacking
      const cpuMs = ((await stats()).cpu - before.cpu) / 1000
      over = true
      await watching
      await sleep(2000)
      await call('/gc')
      await call('/gc')
      const after = await stats()
      const sorted = lasts.toSorted((a, b) => a - b)
      report({
        name,
        status,
        peakMb: (peak - before.rss) / 1e6,
        leftMb: (after.heapUsed - before.heapUsed) / 1e6,
        medianMs: sorted[sorted.length >> 1]!,
        longestMs: sorted.at(-1)!,
        loopMs,
        cpuMs,
      })
    }
    await Promise.all(neighbours.map((neighbour) => neighbour.leave()))
  } finally {
    serving.kill()
    if (serving.exitCode === null) await once(serving, 'exit')
  }
}

const names = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `outbound|80||no-${from + index}.shop`)

interface Plan {
  readonly name: string
  /** @returns the attack, which returns the status its last stream ended with */
  prepare(): () => Promise<string | undefined>
}

function attacks(port: number, call: (path: string) => Promise<string>): readonly Plan[] {
  const typeUrl = TYPE_URL.eds
  const hostile = (said: Request) => request({ typeUrl, ...said }, 'sidecar~10.9.9.9~hostile.shop~x')
  const served = async (caller: Caller, before: number) =>
    await until(() => caller.answers > before || caller.status !== undefined)
  return [
    { name: 'nobody: the neighbours alone', prepare: () => async () => undefined },
    {
      name: 'asks for a million names at once',
      prepare() {
        const all = hostile({ resourceNamesSubscribe: names(1_000_000) })
        return async () => {
          const caller = new Caller(port, 'counts')
          caller.say(all)
          await until(() => caller.status !== undefined)
          await caller.leave()
          return caller.status
        }
      },
    },
    {
      name: 'asks for a million names, 10,000 a request',
      prepare() {
        const parts = Array.from({ length: 100 }, (_, index) =>
          hostile({ resourceNamesSubscribe: names(10_000, index * 10_000) }),
        )
        return async () => {
          const caller = new Caller(port, 'counts')
          for (const part of parts) {
            caller.say(part)
            await sleep(10)
          }
          await until(() => caller.status !== undefined)
          await caller.leave()
          return caller.status
        }
      },
    },
    {
      name: 'takes and leaves 50,000 names, 10 times',
      prepare() {
        const takes = hostile({ resourceNamesSubscribe: names(50_000) })
        const leaves = hostile({ resourceNamesUnsubscribe: names(50_000) })
        return async () => {
          const caller = new Caller(port, 'counts')
          for (let time = 0; time < 10; time++) {
            const { answers } = caller
            caller.say(takes)
            await served(caller, answers)
            caller.say(leaves)
          }
          const { status } = caller
          await caller.leave()
          return status
        }
      },
    },
    {
      name: 'comes back with 100,000 versions, 10 times',
      prepare() {
        const held = Object.fromEntries(names(100_000).map((name) => [name, '0123456789abcdef']))
        const back = hostile({ resourceNamesSubscribe: names(1), initialResourceVersions: held })
        return async () => {
          let status: string | undefined
          for (let time = 0; time < 10; time++) {
            const caller = new Caller(port, 'counts')
            caller.say(back)
            await served(caller, 0)
            status = caller.status
            await caller.leave()
          }
          return status
        }
      },
    },
    {
      name: '20 that never read, while routes change',
      prepare() {
        const clusters = hostile({ typeUrl: TYPE_URL.cds, resourceNamesSubscribe: ['*'] })
        const routes = hostile({ typeUrl: TYPE_URL.rds, resourceNamesSubscribe: ['http_proxy'] })
        return async () => {
          const callers = Array.from({ length: 20 }, () => new Caller(port, 'never reads'))
          for (const caller of callers) {
            caller.say(clusters)
            caller.say(routes)
          }
          for (let change = 1; change <= 40; change++) {
            await call(`/route?v=${change}`)
            await sleep(50)
          }
          const { status } = callers[0]!
          await Promise.all(callers.map((caller) => caller.leave()))
          return status
        }
      },
    },
    {
      name: '200 that announce 64 MB and send a byte at a time',
      prepare() {
        const announced = Buffer.from([0, 4, 0, 0, 0])
        return async () => {
          const callers = Array.from({ length: 200 }, () => new Caller(port, 'counts'))
          for (const caller of callers) caller.say(announced)
          for (let time = 0; time < 20; time++) {
            for (const caller of callers) caller.say(Buffer.from([10]))
            await sleep(100)
          }
          const { status } = callers[0]!
          await Promise.all(callers.map((caller) => caller.leave()))
          return status
        }
      },
    },
    {
      name: 'connects, subscribes and leaves 1,000 times',
      prepare() {
        const clusters = hostile({ typeUrl: TYPE_URL.cds, resourceNamesSubscribe: ['*'] })
        return async () => {
          let status: string | undefined
          for (let time = 0; time < 1000; time++) {
            const caller = new Caller(port, 'counts')
            caller.say(clusters)
            await served(caller, 0)
            status = caller.status
            await caller.leave()
          }
          return status
        }
      },
    },
  ]
}

/** @throws Error after a minute */
async function until(done: () => boolean): Promise<void> {
  const last = performance.now() + 60_000
  while (!done()) {
    if (performance.now() > last) throw new Error('what was waited for did not come within a minute')
    await sleep(1)
  }
}

const COLUMNS: readonly (readonly [head: string, of: (attack: Attack) => number])[] = [
  ['peak MB', ({ peakMb }) => peakMb],
  ['left MB', ({ leftMb }) => leftMb],
  ['p50 ms', ({ medianMs }) => medianMs],
  ['max ms', ({ longestMs }) => longestMs],
  ['loop ms', ({ loopMs }) => loopMs],
  ['CPU ms', ({ cpuMs }) => cpuMs],
]

export const ATTACK_HEAD = `${''.padEnd(52)}${COLUMNS.map(([head]) => head.padStart(9)).join('')}  status`

/** One line of the table. */
export function attackLine(attack: Attack): string {
  const figures = COLUMNS.map(([, of]) => of(attack).toFixed(0).padStart(9))
  return `${attack.name.padEnd(52)}${figures.join('')}  ${attack.status?.slice(0, 60) ?? 'served'}`
}
