import { type Codec, type ConnectionMode, codecOfSide } from '../../codecs/contract.ts'
import type { ListenerConfig } from '../configuration.ts'
import { AccessLog } from '../filters/access-log.ts'
import { type CompiledTable, chooseMode } from '../route/compile.ts'
import { L, listenerCounterNames } from '../stats/counters.ts'
import { Tracer } from '../traces/tracer.ts'
import type { Client } from './client.ts'

const mebibyte = 1024 * 1024

/**
 * A listener as its connections see it: its codec for their whole life, and the route table, limits and log of the configuration in force.
 * Another codec makes another runtime; connections of the old one drain.
 */
export class ListenerRuntime {
  readonly name: string
  readonly codec: Codec
  config: ListenerConfig
  mode: ConnectionMode = 'bound'
  table: CompiledTable | undefined
  accessLog: AccessLog | undefined
  tracer: Tracer | undefined
  readonly counters = new Float64Array(listenerCounterNames.length)
  readonly clients = new Set<Client>()
  /** Connections whose PROXY header or TLS handshake is not done yet. */
  greeting = 0
  draining = false
  requestTimeoutMs = 15_000
  idleTimeoutMs = 3_600_000
  frameTimeoutMs = 10_000
  maxConnections = 65_536
  maxRequestsPerConnection = 1024
  bufferLimit = mebibyte
  /** A client that leaves more than this unread is closed. */
  hardLimit = 4 * mebibyte

  constructor(config: ListenerConfig, codec: Codec) {
    this.name = config.name
    this.codec = codec
    this.config = config
    this.#take(config)
    this.#openLog(config)
    this.tracer = config.tracing && new Tracer(codec, config.tracing)
  }

  /** Takes another configuration for what comes from now on; connections stay, log and tracer only where theirs did not change. */
  update(config: ListenerConfig): void {
    const log = JSON.stringify(config.accessLog) !== JSON.stringify(this.config.accessLog)
    const tracing = JSON.stringify(config.tracing) !== JSON.stringify(this.config.tracing)
    this.config = config
    this.#take(config)
    if (log) this.#openLog(config)
    if (tracing) {
      void this.tracer?.close()
      this.tracer = config.tracing && new Tracer(this.codec, config.tracing)
    }
  }

  #openLog(config: ListenerConfig): void {
    void this.accessLog?.close()
    this.accessLog = config.accessLog && new AccessLog(this.codec, config.accessLog)
  }

  #take(config: ListenerConfig): void {
    this.mode = chooseMode(this.codec, config.mode)
    this.requestTimeoutMs = config.requestTimeoutMs ?? 15_000
    this.idleTimeoutMs = config.idleTimeoutMs ?? 3_600_000
    this.frameTimeoutMs = config.frameTimeoutMs ?? 10_000
    this.maxConnections = config.maxConnections ?? 65_536
    this.maxRequestsPerConnection = Math.max(1, config.maxRequestsPerConnection ?? 1024)
    this.bufferLimit = config.bufferLimitBytes ?? mebibyte
    const longest = Math.max(this.codec.maxFrame, codecOfSide(this.codec, 'upstream').maxFrame)
    this.hardLimit = Math.max(this.bufferLimit * 4, longest + this.bufferLimit)
  }

  /** A connection came; `greeting` of others are not that far yet. @returns false when there are too many. */
  admit(greeting = 0): boolean {
    if (this.clients.size < this.maxConnections && greeting < this.maxConnections && !this.draining) return true
    this.counters[L.downstream_cx_overflow]!++
    this.counters[L.downstream_cx_destroy]!++
    return false
  }

  /**
   * Lets clients go: a goaway where the protocol has one, what is in flight finishes, then FIN. For `graceMs` they are still read: who was told
   * knows that it has to leave, and who cannot be told goes with its next reply, so that no request that is on its way is lost. Then FIN for
   * those that are left.
   */
  drain(graceMs: number): void {
    if (this.draining) return
    this.draining = true
    const goaway = this.codec.reply?.('goaway', new Uint8Array(0), 0, 0, 0, '')
    for (const client of [...this.clients]) {
      if (goaway) client.out.push(goaway, 0, goaway.length)
      if (graceMs === 0) client.finish()
      else if (!goaway) client.leave()
    }
    if (graceMs === 0) return
    setTimeout(() => {
      for (const client of [...this.clients]) client.finish()
    }, graceMs).unref()
  }

  /** Ends what is left at once. Resolves when log and spans are written. */
  async close(): Promise<void> {
    for (const client of [...this.clients]) client.destroy()
    await Promise.all([this.accessLog?.close(), this.tracer?.close()])
  }
}
