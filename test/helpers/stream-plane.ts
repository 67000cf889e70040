import { toBinary } from '@bufbuild/protobuf'
import { Classes } from '../../controlplane/ads/classes.ts'
import { DEFAULT_LIMITS, type Limits } from '../../controlplane/ads/limits.ts'
import { SILENT } from '../../controlplane/ads/logger.ts'
import { NO_METRICS } from '../../controlplane/ads/metrics.ts'
import type { Preparations } from '../../controlplane/ads/preparations.ts'
import { pushRound } from '../../controlplane/ads/push-round.ts'
import { RefusalLog } from '../../controlplane/ads/refusal-log.ts'
import { Stream } from '../../controlplane/ads/stream.ts'
import type { StreamContext } from '../../controlplane/ads/stream-context.ts'
import { GRPC_HEADROOM, type Status, sealGrpcFrame, type Transport } from '../../controlplane/ads/transport.ts'
import { Turns } from '../../controlplane/ads/turns.ts'
import { Warming } from '../../controlplane/ads/warming.ts'
import { StatusBook } from '../../controlplane/status/book.ts'
import type { Form } from '../../controlplane/subscription/request.ts'
import type { Mesh, NodeInfo } from '../../controlplane/xds/resource.ts'
import { NodeSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { make } from '../../proto/make.ts'

/** A stream as its client has it: everything waits until a test lets it happen. */
export interface PlaneStream {
  readonly stream: Stream
  /** Responses that have left and were not read. */
  readonly responses: Buffer[]
  /** Why the server ended it. */
  ended: Status | undefined
  /** What was written leaves for the kernel. */
  flush(): void
  /** Requests that come together. */
  send(...requests: readonly Uint8Array[]): void
  /** The connection is cut: what is on its way is lost. */
  cut(): void
}

/**
 * The streams of a control plane in this process, with a clock that a test moves: rounds, ticks, requests and changes come in the order that
 * the test chooses, also amid a round.
 */
export class StreamPlane {
  /** ms */
  now = 1_000_000
  readonly status = new StatusBook(() => this.now)
  readonly #mesh: Mesh
  readonly #classes: Classes
  readonly #streams = new Map<number, Stream>()
  readonly #context: StreamContext
  #last = 0
  #wanted = false
  #reclassify = false
  #classification: unknown
  #round: Generator<void> | undefined
  readonly #passes: (ms: number) => void

  /**
   * @param passes told of the time that passes, for whoever has another clock
   * @param limits where they are not the usual ones
   */
  constructor(mesh: Mesh, passes: (ms: number) => void = () => {}, limits: Partial<Limits> = {}) {
    const all = { ...DEFAULT_LIMITS, ...limits }
    this.#passes = passes
    const want = () => {
      this.#wanted = true
    }
    this.#mesh = mesh
    this.#classes = new Classes(this.status, all.idleClassMs, want)
    this.#context = {
      mesh,
      classes: this.#classes,
      status: this.status,
      limits: all,
      frames: {
        headroom: GRPC_HEADROOM,
        seal: sealGrpcFrame,
        identifier: 'test',
        boot: 'boot',
        responseBytes: all.responseBytes,
      },
      refusals: new RefusalLog(SILENT, () => this.now),
      logger: { ...SILENT, error: (fields) => this.#fail(fields) },
      metrics: NO_METRICS,
      now: () => this.now,
      waiting: new Set(),
      warming: new Warming(all, SILENT, NO_METRICS),
      workingSets: undefined,
      preparations: AT_ONCE,
      arrivals: AT_ONCE,
      turns: new Turns(Number.POSITIVE_INFINITY),
      closed: (stream) => this.#streams.delete(stream),
      leaving: (client) => {
        const log = client.class
        client.close()
        this.#classes.left(log, this.now)
      },
      crowded: () => {},
      ready: want,
    }
    this.#classification = mesh.classification?.()
    mesh.onChange(() => {
      this.#classes.epoch.now++
      const before = this.#classification
      this.#classification = mesh.classification?.()
      if (before !== this.#classification) this.#reclassify = true
      want()
    })
  }

  open(form: Form, { secretsAllowed }: Pick<NodeInfo, 'secretsAllowed'>): PlaneStream {
    const responses: Buffer[] = []
    let leaving: (() => void)[] = []
    const opened: Omit<PlaneStream, 'stream'> & { stream?: Stream } = {
      responses,
      ended: undefined,
      flush() {
        const left = leaving
        leaving = []
        for (const done of left) done()
      },
      send(...requests) {
        for (const request of requests) opened.stream!.message(Buffer.from(request))
        opened.stream!.settled()
      },
      cut: () => opened.stream!.closed(),
    }
    const transport: Transport = {
      peer: { address: '10.0.0.1:1', local: secretsAllowed, identities: undefined },
      write(frames, done) {
        responses.push(...frames.map((frame) => frame.subarray(GRPC_HEADROOM)))
        leaving.push(done)
      },
      close(status) {
        opened.ended ??= status
      },
      destroy() {},
      pause() {},
    }
    const stream = new Stream(++this.#last, { form, type: undefined }, transport, this.#context)
    this.#streams.set(stream.stream, stream)
    opened.stream = stream
    return opened as PlaneStream
  }

  /** A part of a round, when there is something to publish or one is under way. */
  goOn(steps: number): void {
    for (let step = 0; step < steps; step++) {
      if (!this.#round) {
        if (!this.#wanted) return
        this.#wanted = false
        const reclassify = this.#reclassify
        this.#reclassify = false
        this.#round = pushRound(this.#classes, this.#streams.values(), reclassify, this.now)
      }
      if (this.#round.next().done) this.#round = undefined
    }
  }

  /** Time passes, and who waits for it is looked after. */
  pass(ms: number): void {
    this.now += ms
    this.#passes(ms)
    for (const stream of this.#context.waiting) stream.tick(this.now)
    for (const log of this.#classes) if (log.due) this.#wanted = true
    this.#classes.tick(this.now)
  }

  /** Nothing is left to do until somebody asks or something changes. */
  get rests(): boolean {
    return !this.#wanted && this.#round === undefined
  }

  /** What the node is served, by the class it belongs to. */
  view(node: NodeInfo) {
    return this.#mesh.view(node)
  }

  #fail(fields: object): void {
    throw (fields as { error?: Error }).error ?? new Error(JSON.stringify(fields))
  }
}

/** What a first client makes its class compile is compiled at once. */
const AT_ONCE = {
  wait(_thing: object, begin: () => Generator<void> | undefined) {
    const work = begin()
    while (work && !work.next().done);
    return false
  },
} as unknown as Preparations<never>

/** The node as a client says who it is. */
export function nodeBytes({ id, cluster, metadata, locality, userAgent }: NodeInfo): Uint8Array {
  const [userAgentName = '', version = ''] = userAgent.split('/')
  const node = make(NodeSchema, {
    id,
    cluster,
    metadata: metadata as never,
    locality,
    userAgentName,
    ...(version && { userAgentVersionType: { case: 'userAgentVersion', value: version } }),
  })
  return toBinary(NodeSchema, node)
}
