import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { expect } from 'vitest'
import type { Received } from '../../controlplane/subscription/acknowledgement.ts'
import { ClassLog } from '../../controlplane/subscription/class-log.ts'
import { Client } from '../../controlplane/subscription/client.ts'
import type { Frame } from '../../controlplane/subscription/frames.ts'
import type { WorkingSet } from '../../controlplane/subscription/on-demand.ts'
import type { Form } from '../../controlplane/subscription/request.ts'
import type { Verdicts } from '../../controlplane/subscription/verdicts.ts'
import type { OnDemand } from '../../controlplane/xds/resource.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { type ResourceType, SHORT_NAME, TYPE_URL } from '../../proto/types.ts'
import { alwaysThere } from './always-there.ts'
import { FakeMesh, fakeResource } from './fake-mesh.ts'
import { NO_VERDICTS } from './no-verdicts.ts'
import { readDeltaRequest, readSotwRequest } from './read-request.ts'

const LIMITS = { names: 100_000, nameLength: 1024 }

/** A response of either form, as a test reads it. */
export interface Answer {
  readonly type: ResourceType
  readonly nonce: string
  readonly version: string
  /** `name=content` in the order sent. State-of-the-world responses have no names on the wire: the frame's are used. */
  readonly resources: readonly string[]
  readonly removed: readonly string[]
}

/** A request of either form; names for both. */
export interface Ask {
  readonly names?: readonly string[]
  readonly unsubscribe?: readonly string[]
  readonly nonce?: string
  readonly error?: string
  readonly version?: string
  readonly initial?: Readonly<Record<string, string>>
}

/** The engine for one class without transport: clients that share a log, and a clock that stands still. */
export class Engine {
  now = 1_000_000
  readonly epoch = { now: 0 }
  readonly mesh: FakeMesh
  readonly log: ClassLog

  /**
   * @param lazy its clients get clusters on demand, all of them unasked, one at a time; or what is otherwise about them
   */
  constructor(
    mesh: FakeMesh,
    verdicts: Verdicts = NO_VERDICTS,
    classKey = 'all',
    lazy: boolean | Partial<OnDemand> = false,
  ) {
    this.mesh = mesh
    mesh.classOf = () => classKey
    const view = mesh.view({} as never)
    const onDemand = { ...alwaysThere(() => view.names('cds')), ...(lazy === true ? {} : lazy) }
    this.log = new ClassLog(lazy ? { ...view, onDemand } : view, this.epoch, verdicts)
    mesh.onChange(() => {
      this.epoch.now++
    })
  }

  client(form: Form, id = 'node', log = this.log, workingSet?: WorkingSet): EngineClient {
    return new EngineClient(this, form, id, log, workingSet)
  }

  /** A change becomes visible, as a round does it. */
  publish(): void {
    this.mesh.publish()
    this.log.refresh()
  }
}

export class EngineClient {
  readonly client: Client
  private readonly engine: Engine
  private readonly form: Form

  constructor(engine: Engine, form: Form, id: string, log: ClassLog, workingSet?: WorkingSet) {
    this.engine = engine
    this.form = form
    this.client = new Client(log, {
      id,
      form,
      ackTimeoutMs: 5000,
      paceMs: 2000,
      removalTimeoutMs: 30_000,
      settleMs: 1000,
      clustersAtOnce: 1,
      ...(workingSet && { workingSet }),
      frames: { headroom: 5, seal: () => {}, identifier: 'test', boot: 'b', responseBytes: 1 << 20 },
    })
  }

  /** Sends a request and takes the answers that come at once. */
  ask(type: ResourceType, ask: Ask = {}): readonly Answer[] {
    this.tell(type, ask)
    return this.flow()
  }

  tell(type: ResourceType, ask: Ask = {}): Received {
    const request = this.form === 'delta' ? deltaRequest(type, ask) : sotwRequest(type, ask)
    return this.client.receive(type, request, this.engine.now)
  }

  /** What is to be done before a request is taken, in steps, where there is much. */
  arriving(type: ResourceType, ask: Ask): Generator<void> | undefined {
    return this.client.arriving(type, this.form === 'delta' ? deltaRequest(type, ask) : sotwRequest(type, ask))
  }

  /** Acknowledges; the list of names is what a state-of-the-world client repeats. */
  ack(answer: Answer, names: readonly string[] = []): readonly Answer[] {
    const list = this.form === 'sotw' ? { names, version: answer.version } : {}
    return this.ask(answer.type, { nonce: answer.nonce, ...list })
  }

  nack(answer: Answer, error: string, names: readonly string[] = []): readonly Answer[] {
    return this.ask(answer.type, { nonce: answer.nonce, error, ...(this.form === 'sotw' ? { names } : {}) })
  }

  /** What the client is sent now. A change its class held back while it was amid another is taken as soon as it can be, as the server does. */
  flow(): readonly Answer[] {
    const frames = [...this.client.flow(this.engine.now)]
    const log = this.client.class
    if (log.due) {
      log.refresh()
      frames.push(...this.client.flow(this.engine.now))
    }
    return frames.map((frame) => decode(this.form, frame))
  }
}

function deltaRequest(type: ResourceType, ask: Ask) {
  const init: MessageInitShape<typeof DeltaDiscoveryRequestSchema> = {
    typeUrl: TYPE_URL[type],
    resourceNamesSubscribe: [...(ask.names ?? [])],
    resourceNamesUnsubscribe: [...(ask.unsubscribe ?? [])],
    initialResourceVersions: { ...ask.initial },
    responseNonce: ask.nonce ?? '',
    ...(ask.error === undefined ? {} : { errorDetail: { code: 13, message: ask.error } }),
  }
  const message = create(DeltaDiscoveryRequestSchema, init)
  return readDeltaRequest(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message)), LIMITS)
}

function sotwRequest(type: ResourceType, ask: Ask) {
  const init: MessageInitShape<typeof DiscoveryRequestSchema> = {
    typeUrl: TYPE_URL[type],
    resourceNames: [...(ask.names ?? [])],
    versionInfo: ask.version ?? '',
    responseNonce: ask.nonce ?? '',
    ...(ask.error === undefined ? {} : { errorDetail: { code: 13, message: ask.error } }),
  }
  const message = create(DiscoveryRequestSchema, init)
  return readSotwRequest(Buffer.from(toBinary(DiscoveryRequestSchema, message)), LIMITS)
}

/** Through the generated codec, so that a wrong byte of ours fails here. */
function decode(form: Form, frame: Frame): Answer {
  const bytes = frame.bytes.subarray(5)
  const text = (value: Uint8Array | undefined) => Buffer.from(value ?? []).toString()
  if (form === 'sotw') {
    const response = fromBinary(DiscoveryResponseSchema, bytes)
    return {
      type: SHORT_NAME.get(response.typeUrl)!,
      nonce: response.nonce,
      version: response.versionInfo,
      resources: response.resources.map((any, index) => `${frame.upserts[index]!.name}=${text(any.value)}`),
      removed: [],
    }
  }
  const response = fromBinary(DeltaDiscoveryResponseSchema, bytes)
  return {
    type: SHORT_NAME.get(response.typeUrl)!,
    nonce: response.nonce,
    version: response.systemVersionInfo,
    resources: response.resources.map((resource) => `${resource.name}=${text(resource.resource?.value)}`),
    removed: response.removedResources,
  }
}

/** `cds: a=1 b=2 -gone`, one line per response. */
export function lines(answers: readonly Answer[]): string[] {
  return answers.map(({ type, resources, removed }) =>
    [`${type}:`, ...resources, ...removed.map((name) => `-${name}`)].join(' '),
  )
}

/** Resources by name and content; those of `cds` may name their endpoints. */
export const cds = (name: string, content: string, eds?: string) =>
  fakeResource('cds', name, content, eds ? { children: [{ type: 'eds', name: eds }] } : {})
export const eds = (name: string, content: string) => fakeResource('eds', name, content)
export const lds = (name: string, content: string) => fakeResource('lds', name, content)
export const rds = (name: string, content: string) => fakeResource('rds', name, content)

/** An engine with a client of each form. */
export function start(mesh = new FakeMesh()) {
  const engine = new Engine(mesh)
  return { mesh, engine, delta: engine.client('delta'), sotw: engine.client('sotw', 'node-sotw') }
}

/** Acknowledges everything until there is nothing more to say; returns all that came. */
export function settle(
  client: EngineClient,
  answers: readonly Answer[],
  names: Partial<Record<string, string[]>> = {},
): Answer[] {
  const all = [...answers]
  for (const answer of all) all.push(...client.ack(answer, names[answer.type] ?? []))
  return all
}

/** The one answer there is. */
export function only(answers: readonly Answer[]): Answer {
  expect(answers).toHaveLength(1)
  return answers[0]!
}
