import { createSecureContext, type PeerCertificate } from 'node:tls'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { type ChannelCredentials, Client, credentials, type ServiceError } from '@grpc/grpc-js'
import {
  RateLimitRequestSchema,
  type RateLimitResponse,
  RateLimitResponse_Code,
  type RateLimitResponse_Quota,
  RateLimitResponseSchema,
} from '../../proto/gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { channelName } from '../channel-name.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import { contextParameters, serverProblem, trusted } from '../peer-certificate.ts'
import { R } from '../stats/counters.ts'
import type { ClientTls } from '../tls-settings.ts'
import { clock, type Flushable, flushLater, wake } from '../turn.ts'
import { Answers, answerKey } from './answers.ts'
import { type CompiledLimit, type Descriptor, describe } from './descriptors.ts'

const method = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit'
/** Questions without an answer, over all services: more count as failed at once. */
const mostOpen = 10_000
/** Descriptors of one call, as many as our own service takes. */
const mostDescriptors = 64
/** An answer of that size is none. */
const mostResponseBytes = 1024 * 1024

/** What is left to ask for a message. */
export interface Question {
  readonly calls: readonly Call[]
}

interface Call {
  readonly limit: CompiledLimit
  readonly descriptors: readonly Descriptor[]
  readonly keys: readonly string[]
  readonly denyOnFailure: boolean
}

/** A question and who waits for its answer; undefined: there was none. */
interface Waiting {
  readonly call: Call
  readonly done: (over: boolean | undefined) => void
}

/** Questions to one service that go out at the end of the turn. */
class Batch implements Flushable {
  readonly #waiting: Waiting[] = []
  readonly #send: (waiting: readonly Waiting[]) => void
  /** Descriptors in it. */
  size = 0

  constructor(send: (waiting: readonly Waiting[]) => void) {
    this.#send = send
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.size += waiting.call.descriptors.length
  }

  flush(): void {
    this.#send(this.#waiting)
  }
}

const isOver = ({ code }: { readonly code: RateLimitResponse_Code }) => code === RateLimitResponse_Code.OVER_LIMIT

/** Asks rate limit services whether messages may pass. */
export class LimitServices {
  readonly #clients = new Map<Host, { readonly client: Client; readonly tls: ClientTls | undefined }>()
  readonly #answers = new Answers()
  readonly #batches = new Map<string, Batch>()
  /** Services that do not say which descriptor is over: their questions are asked one by one. */
  readonly #terse = new WeakSet<Cluster>()
  #open = 0

  /**
   * What is known of a message without asking.
   * @param counters those of its route
   * @returns true: it may pass, false: it is over a limit, else what to `ask`
   */
  look(
    limits: readonly CompiledLimit[],
    b: Uint8Array,
    at: number,
    length: number,
    clientIp: string,
    counters: Float64Array,
  ): boolean | Question {
    const calls: Call[] = []
    for (const limit of limits) {
      const told = describe(limit, b, at, length, clientIp)
      if (!told) continue
      const descriptors: Descriptor[] = []
      const keys: string[] = []
      for (const descriptor of told.descriptors) {
        const key = answerKey(limit.domain, descriptor)
        const over = this.#answers.use(key, clock.now)
        if (over === true) {
          counters[R.ratelimit_over_limit]!++
          counters[R.ratelimit_over_limit_local]!++
          return false
        }
        if (over === false) continue
        descriptors.push(descriptor)
        keys.push(key)
      }
      if (descriptors.length > 0) calls.push({ limit, descriptors, keys, denyOnFailure: told.denyOnFailure })
      else counters[R.ratelimit_ok]!++
    }
    return calls.length > 0 ? { calls } : true
  }

  /** Asks; `done` is called once, never before this returns. */
  ask({ calls }: Question, counters: Float64Array, done: (allowed: boolean) => void): void {
    let left = calls.length
    let allowed = true
    for (const call of calls) {
      this.#queue(call, (over) => {
        if (over === undefined) {
          counters[R.ratelimit_error]!++
          if (call.denyOnFailure) allowed = false
          else counters[R.ratelimit_failure_mode_allowed]!++
        } else {
          counters[over ? R.ratelimit_over_limit : R.ratelimit_ok]!++
          if (over) allowed = false
        }
        if (--left === 0) done(allowed)
      })
    }
  }

  /** Questions of one turn to one service go out together: a call costs far more than a descriptor. */
  #queue(call: Call, done: Waiting['done']): void {
    const { domain, service, timeoutMs } = call.limit
    const key = `${service.name}\n${timeoutMs}\n${domain}`
    let batch = this.#batches.get(key)
    const full = batch && batch.size + call.descriptors.length > mostDescriptors
    if (!batch || full || (batch.size > 0 && service.cluster && this.#terse.has(service.cluster))) {
      batch = new Batch((waiting) => {
        if (this.#batches.get(key) === batch) this.#batches.delete(key)
        this.#send(call.limit, waiting)
      })
      this.#batches.set(key, batch)
      flushLater(batch)
    }
    batch.add({ call, done })
  }

  #send(limit: CompiledLimit, waiting: readonly Waiting[]): void {
    const { domain, service, timeoutMs } = limit
    const { cluster } = service
    const host = cluster && !cluster.removed ? cluster.pick(false, 0, 0, 0, null) : undefined
    if (!cluster || !host || this.#open >= mostOpen) {
      for (const { done } of waiting) done(undefined)
      return
    }
    this.#open++
    const request = create(RateLimitRequestSchema, {
      domain,
      hitsAddend: 1,
      descriptors: waiting.flatMap(({ call }) => call.descriptors.map(({ entries }) => ({ entries: [...entries] }))),
    })
    this.#client(host, cluster.config.tls).makeUnaryRequest(
      method,
      (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
      (bytes: Buffer) => fromBinary(RateLimitResponseSchema, bytes),
      toBinary(RateLimitRequestSchema, request),
      { deadline: Date.now() + timeoutMs },
      (error: ServiceError | null, response?: RateLimitResponse) => {
        wake()
        this.#open--
        cluster.record(host, error ? 'local' : 'success')
        if (response) this.#answered(limit, response, waiting)
        else for (const { done } of waiting) done(undefined)
      },
    )
  }

  #answered(limit: CompiledLimit, response: RateLimitResponse, waiting: readonly Waiting[]): void {
    const { overallCode, statuses, quota } = response
    const { service } = limit
    const asked = waiting.reduce((sum, { call }) => sum + call.descriptors.length, 0)
    const over = overallCode === RateLimitResponse_Code.OVER_LIMIT
    if (statuses.length !== asked) {
      if (over && waiting.length > 1) {
        // Which of the messages is over is not known; counted once too often is better than refused for another.
        if (service.cluster) this.#terse.add(service.cluster)
        for (const one of waiting) this.#send(limit, [one])
        return
      }
      const [only] = waiting[0]!.call.keys
      if (asked === 1) this.#keep(only!, over, quota)
      for (const { done } of waiting) done(over)
      return
    }
    if (asked === 1) this.#keep(waiting[0]!.call.keys[0]!, over, statuses[0]!.quota ?? quota)
    let at = 0
    for (const { call, done } of waiting) {
      const own = statuses.slice(at, at + call.descriptors.length)
      at += call.descriptors.length
      own.forEach((status, i) => {
        this.#keep(call.keys[i]!, isOver(status), status.quota)
      })
      done(waiting.length === 1 ? over : own.some(isOver))
    }
  }

  /** Keeps what the service says may be kept. */
  #keep(key: string, over: boolean, quota: RateLimitResponse_Quota | undefined): void {
    if (quota?.expirationSpecifier.case !== 'validUntil') return
    const validMs = timestampMs(quota.expirationSpecifier.value) - Date.now()
    this.#answers.keep(key, over, quota.requests, validMs, clock.now)
  }

  /** Connects to the services of limits, so that the first question need not wait for it. */
  warm(limits: Iterable<CompiledLimit>): void {
    for (const { service } of limits) {
      const { cluster } = service
      if (!cluster || cluster.removed) continue
      for (const host of cluster.hosts) this.#client(host, cluster.config.tls).getChannel().getConnectivityState(true)
    }
  }

  #client(host: Host, tls: ClientTls | undefined): Client {
    const known = this.#clients.get(host)
    if (known && known.tls === tls) return known.client
    known?.client.close()
    const name =
      'path' in host.address ? undefined : channelName(host.address.host, tls?.serverName ?? host.config.name)
    const client = new Client(
      'path' in host.address ? `unix:${host.address.path}` : host.key,
      channelCredentials(tls, name?.verified),
      {
        'grpc.max_receive_message_length': mostResponseBytes,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 2000,
        'grpc.keepalive_time_ms': 30_000,
        'grpc.keepalive_timeout_ms': 5000,
        'grpc.enable_channelz': 0,
        ...(tls && name?.options),
      },
    )
    this.#clients.set(host, { client, tls })
    return client
  }

  /** Called about once a second: connections to hosts that left are closed. */
  sweep(): void {
    for (const [host, { client }] of this.#clients) {
      if (!host.removed) continue
      this.#clients.delete(host)
      client.close()
    }
  }

  close(): void {
    for (const { client } of this.#clients.values()) client.close()
    this.#clients.clear()
  }
}

function channelCredentials(tls: ClientTls | undefined, verified: string | undefined): ChannelCredentials {
  if (!tls) return credentials.createInsecure()
  const { certificate, privateKey } = tls
  const context = createSecureContext({
    ...trusted(tls),
    ...contextParameters(tls),
    ...(certificate !== undefined && { cert: certificate }),
    ...(privateKey !== undefined && { key: privateKey }),
  })
  return credentials.createFromSecureContext(context, {
    rejectUnauthorized: !tls.insecure,
    checkServerIdentity: (asked: string, shown: PeerCertificate) => serverProblem(tls, verified ?? asked, shown),
  })
}
