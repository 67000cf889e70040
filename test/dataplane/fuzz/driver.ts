import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Codec, emptyFrame, FrameKind } from '../../../codecs/contract.ts'
import { protocolFile, type ShippedProtocol, shippedCodec, shippedProtocols } from '../../../codecs/load.ts'
import { mutated, type Random, random } from '../../../codecs/mutated.ts'
import { parseHex } from '../../../codecs/tools/decode.ts'
import { parseVectors } from '../../../codecs/tools/vectors.ts'
import type { Configuration } from '../../../dataplane/configuration.ts'
import { proxyHeader } from './streams.ts'
import type { Order, TargetState } from './target.ts'

/** Streams kept so that the one that did harm can be found: more than are sent between two looks. */
const kept = 2500
const memoryLimit = 700 * 1024 * 1024
/** Long, because the machine may be busy: what never comes is found all the same. */
const patienceMs = 45_000
const startMs = 60_000

/** What went wrong, with the streams that were sent last. */
export class Harm extends Error {
  readonly streams: readonly Stream[]
  constructor(what: string, streams: readonly Stream[]) {
    super(what)
    this.streams = streams
  }
}

/** What one bad connection sent to a listener. */
export interface Stream {
  readonly listener: string
  readonly hex: string
}

interface Subject {
  readonly name: ShippedProtocol
  readonly codec: Codec
  readonly corpus: readonly Uint8Array[]
  /** What the good client sends, what answers it, and the field by which it is routed to the good server. */
  readonly question: Uint8Array
  readonly answer: Uint8Array
  readonly key: { readonly field: string; readonly exact: string }
}

/** Field by which the good client's requests are told from others. */
const keys: Readonly<Record<ShippedProtocol, string>> = {
  game: 'msgid',
  thrift: 'method',
  dubbo: 'method',
  bolt: 'service',
  brpc: 'method',
  trpc: 'method',
  pomelo: 'route',
  mqtt: 'clientId',
  redis: 'command',
}

async function subject(name: ShippedProtocol): Promise<Subject> {
  const codec = await shippedCodec(name)
  const { vectors } = parseVectors(readFileSync(protocolFile(name, 'vectors.yaml'), 'utf8'))
  const corpus = vectors.filter(({ error, needs }) => !error && needs === undefined).map(({ hex }) => parseHex(hex))
  const frame = emptyFrame()
  const slot = codec.slot(keys[name])
  for (const given of corpus) {
    // A good client has patience, whatever the vector says.
    const question = codec.mutate?.(given, 0, given.length, [{ slot: codec.slot('timeout'), value: 60_000 }]) ?? given
    if (codec.frameLength(question, 0, question.length) !== question.length) continue
    if (codec.inspect(question, 0, question.length, frame) < 0) continue
    const value = codec.field(slot, question, 0, question.length)
    if (value === undefined) continue
    const answer =
      name === 'mqtt'
        ? Uint8Array.of(0x20, 2, 0, 0)
        : frame.kind === FrameKind.request || frame.kind === FrameKind.either
          ? codec.reply?.('error', question, 0, question.length, 1, 'good')
          : undefined
    if (answer) return { name, codec, corpus, question, answer, key: { field: keys[name], exact: String(value) } }
  }
  throw new Error(`${name}: no vector is a request with the field ${keys[name]}`)
}

/** Cuts a stream into frames; calls `each` for those that are whole. @returns false from the first byte that is no frame on */
function frames(codec: Codec, each: (frame: Buffer) => void): (chunk: Buffer) => boolean {
  let pending: Buffer = Buffer.alloc(0)
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      if (pending.length === 0) return true
      const length = codec.frameLength(pending, 0, pending.length)
      if (length < 0) return false
      if (length > pending.length) return true
      each(pending.subarray(0, length))
      pending = pending.subarray(length)
    }
  }
}

/**
 * Throws bad bytes at a living proxy that speaks every shipped protocol, from clients and from upstreams at once, changes its
 * configuration under them, and asks good questions all the while: those must be answered.
 */
export class Fuzz {
  readonly #any: Random
  readonly #subjects: Subject[] = []
  readonly #servers: { readonly close: () => void }[] = []
  readonly #sockets = new Set<Socket>()
  readonly #ports = new Map<string, number>()
  readonly #recent: Stream[] = []
  #target!: ChildProcess
  #listening: Readonly<Record<string, number>> = {}
  #died: string | undefined
  #version = 0
  #readers: ((state: TargetState) => void)[] = []
  streams = 0
  answered = 0
  peakBytes = 0

  constructor(seed: number) {
    this.#any = random(seed)
  }

  async start(): Promise<void> {
    for (const name of shippedProtocols) this.#subjects.push(await subject(name))
    for (const one of this.#subjects) {
      this.#ports.set(`good ${one.name}`, await this.#listen((socket) => this.#answerWell(one, socket)))
      this.#ports.set(`bad ${one.name}`, await this.#listen((socket) => this.#answerBadly(one, socket)))
    }
    this.#target = fork(fileURLToPath(new URL('./target.ts', import.meta.url)), {
      execArgv: ['--import', import.meta.resolve('tsx')],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let said = ''
    this.#target.stderr!.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-4000)
    })
    this.#target.on('exit', (code, signal) => {
      this.#died = `the proxy ended (${code ?? signal}): ${said}`
    })
    this.#target.on('message', (state: TargetState) => {
      this.#listening = state.ports
      this.peakBytes = Math.max(this.peakBytes, state.rssBytes)
      this.#readers.shift()?.(state)
    })
    await this.#reconfigure()
  }

  async #listen(onConnection: (socket: Socket) => void): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      onConnection(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#servers.push(server)
    return (server.address() as { port: number }).port
  }

  #answerWell({ name, codec }: Subject, socket: Socket): void {
    const frame = emptyFrame()
    const feed = frames(codec, (bytes) => {
      if (codec.inspect(bytes, 0, bytes.length, frame) < 0) return
      if (name === 'mqtt') {
        if (frame.kind === FrameKind.handshake) socket.write(Uint8Array.of(0x20, 2, 0, 0))
        return
      }
      if (frame.kind !== FrameKind.request && frame.kind !== FrameKind.either) return
      const answer = codec.reply?.('error', bytes, 0, bytes.length, 1, 'good')
      if (answer) socket.write(answer)
      else socket.destroy()
    })
    socket.on('data', (chunk: Buffer) => {
      if (!feed(chunk)) socket.destroy()
    })
  }

  #answerBadly({ codec, corpus }: Subject, socket: Socket): void {
    const any = this.#any
    const frame = emptyFrame()
    const feed = frames(codec, (bytes) => {
      const draw = any(20)
      if (draw === 0) socket.destroy()
      else if (draw === 1) socket.resetAndDestroy()
      else if (draw < 4) socket.write(mutated(corpus, any))
      else if (draw < 14 && codec.inspect(bytes, 0, bytes.length, frame) === 0) {
        const answer = codec.reply?.('error', bytes, 0, bytes.length, 1, 'x'.repeat(any(300)))
        if (!answer) return
        if (draw === 4) answer[any(answer.length)] = any(256)
        if (draw === 5) socket.write(answer.subarray(0, any(answer.length)))
        else socket.write(answer)
        if (draw === 6) socket.write(answer)
      }
    })
    socket.on('data', (chunk: Buffer) => {
      if (!feed(chunk)) socket.destroy()
    })
  }

  #configuration(): Configuration {
    const any = this.#any
    const cluster = (name: string) => ({
      name,
      localities: [{ endpoints: [{ address: { host: '127.0.0.1', port: this.#ports.get(name)! } }] }],
      connectTimeoutMs: patienceMs,
      balancer: { kind: 'roundRobin' as const },
      circuitBreakers: { default: { maxConnections: 200, maxPendingRequests: 500, maxRequests: 2000 } },
    })
    const listener = (name: string, { codec }: Subject, more: object) => ({
      name,
      address: { host: '127.0.0.1', port: this.#listening[name] ?? 0 },
      protocol: codec.name,
      routes: codec.name,
      mode: codec.modes[any(codec.modes.length)]!,
      requestTimeoutMs: 400,
      frameTimeoutMs: 1000,
      ...more,
    })
    const game = this.#subjects.find(({ name }) => name === 'game')!
    const odd = this.#version % 2 === 1
    return {
      version: String(this.#version++),
      protocols: shippedProtocols.map((name) => ({ name, shipped: name })),
      listeners: [
        ...this.#subjects.map((one) => listener(one.name, one, {})),
        listener('behindProxy', game, { proxyProtocol: true }),
      ],
      routes: this.#subjects.map(({ name, key }) => ({
        name,
        routes: [
          {
            name: 'good',
            match: [key],
            // The driver may be slow on a busy machine; that is not the proxy's fault.
            action: { destinations: [{ cluster: `good ${name}`, weight: 1 }], timeoutMs: patienceMs },
          },
          {
            name: 'bad',
            match: [],
            action: {
              destinations: [
                { cluster: `bad ${name}`, weight: 3 },
                { cluster: odd ? 'gone' : `good ${name}`, weight: 1 },
              ],
              retry: { attempts: 2, idempotent: true, on: ['reset', 'connectFailure', 'timeout', 'error'] },
              fault: { delay: { percent: 5, ms: 30 }, abort: { percent: 5 } },
              mirrors: [{ cluster: `bad ${name}`, percent: 20 }],
              hashKeys: [{ field: key.field }, { sourceIp: true }],
            },
          },
        ],
      })),
      clusters: this.#subjects.flatMap(({ name }) => [cluster(`good ${name}`), cluster(`bad ${name}`)]),
    }
  }

  #order(order: Order, withinMs = patienceMs): Promise<TargetState> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#harm('the proxy does not answer its parent')), withinMs)
      this.#readers.push((state) => {
        clearTimeout(timer)
        resolve(state)
      })
      if (this.#target.connected) this.#target.send(order)
    })
  }

  async #reconfigure(): Promise<void> {
    const withinMs = this.#version === 0 ? startMs : patienceMs
    const { problems } = await this.#order({ apply: this.#configuration() }, withinMs)
    if (problems.length > 0) throw this.#harm(problems.join('; '))
  }

  #harm(what: string): Harm {
    return new Harm(this.#died ?? what, [...this.#recent])
  }

  /** Sends one bad stream and waits until its connection is over. */
  #send({ listener, hex }: Stream): Promise<void> {
    this.streams++
    this.#recent.push({ listener, hex })
    if (this.#recent.length > kept) this.#recent.shift()
    const any = this.#any
    const bytes = Buffer.from(hex, 'hex')
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: this.#listening[listener]!, noDelay: true })
      const timer = setTimeout(() => socket.destroy(), 20 + any(80))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearTimeout(timer)
        resolve()
      })
      if (any(8) > 0) socket.resume()
      const cut = any(3) === 0 ? any(bytes.length) : bytes.length
      socket.write(bytes.subarray(0, cut))
      const ending = any(4)
      const rest = () => {
        if (socket.destroyed) return
        socket.write(bytes.subarray(cut))
        if (ending === 0) socket.end()
        else if (ending === 1) socket.resetAndDestroy()
      }
      if (cut === bytes.length) rest()
      else setTimeout(rest, any(10))
    })
  }

  /** Random streams at all listeners, `width` at a time, until `count` were sent. */
  async storm(count: number, width = 16): Promise<void> {
    const any = this.#any
    const drawn = function* (subjects: readonly Subject[]): Generator<Stream> {
      for (let left = count; left > 0; left--) {
        const chosen = subjects[any(subjects.length)]!
        // Bytes of one protocol at the port of another, too.
        const { corpus } = any(20) === 0 ? subjects[any(subjects.length)]! : chosen
        let bytes = mutated(corpus, any)
        let listener: string = chosen.name
        if (chosen.name === 'game' && any(3) === 0) {
          listener = 'behindProxy'
          bytes = new Uint8Array(Buffer.concat([proxyHeader(any), bytes]))
        }
        yield { listener, hex: Buffer.from(bytes).toString('hex') }
      }
    }
    await this.replay(drawn(this.#subjects), width)
  }

  /** Streams as they come, `width` at a time: all at once most would be given up before the proxy reads them. */
  async replay(streams: Iterable<Stream>, width = 16): Promise<void> {
    const left = streams[Symbol.iterator]()
    const one = async () => {
      for (let next = left.next(); !next.done && !this.#died; next = left.next()) await this.#send(next.value)
    }
    await Promise.all(Array.from({ length: width }, one))
  }

  /** Asks a good question of every protocol on a new connection. @throws Harm when one is not answered. */
  async check(): Promise<void> {
    if (this.#died) throw this.#harm(this.#died)
    await this.#reconfigure()
    const { rssBytes } = await this.#order({ ask: 'state' })
    if (rssBytes > memoryLimit) throw this.#harm(`the proxy holds ${Math.round(rssBytes / 1e6)} MB`)
    await Promise.all(this.#subjects.map((one) => this.#ask(one)))
  }

  #ask({ name, question, answer }: Subject): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: this.#listening[name]!, noDelay: true })
      let got = Buffer.alloc(0)
      const end = (what?: string) => {
        clearTimeout(timer)
        socket.destroy()
        if (what === undefined) resolve()
        else reject(this.#harm(`${name}: the good client ${what}, after ${got.toString('hex')}`))
      }
      const timer = setTimeout(() => end('gets no answer'), patienceMs)
      socket.on('error', (error) => end(`has an error: ${error.message}`))
      socket.on('close', () => end('is closed'))
      socket.on('data', (chunk: Buffer) => {
        got = Buffer.concat([got, chunk])
        if (got.length < answer.length) return
        if (!got.equals(answer)) return end('gets another answer')
        this.answered++
        end()
      })
      socket.write(question)
    })
  }

  /** Nothing stays behind when everybody has left. @throws Harm */
  async settle(): Promise<void> {
    const until = performance.now() + 2 * patienceMs
    for (;;) {
      for (const socket of this.#sockets) socket.resetAndDestroy()
      const { used, counted, requests } = await this.#order({ ask: 'state' })
      if (used === 0 && counted === 0) return
      if (performance.now() > until)
        throw this.#harm(`${used} requests and ${counted} counts are left over: ${requests.join('; ')}`)
      await sleep(50)
    }
  }

  stop(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
    if (this.#target?.connected) this.#target.disconnect()
  }
}
