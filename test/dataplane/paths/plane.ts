import { create } from '@bufbuild/protobuf'
import type { Random } from '../../../codecs/mutated.ts'
import type { ControlPlaneEvents, Plane } from '../../../dataplane/config/control-plane.ts'
import { HELD_TYPES, type HeldType, WILDCARD_TYPES } from '../../../dataplane/config/held-type.ts'
import { DeltaDiscoveryResponseSchema } from '../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TYPE_URL } from '../../../proto/types.ts'

/** What a control plane has for one proxy: by type, by name. */
export type World = Readonly<Record<HeldType, ReadonlyMap<string, Held>>>
export interface Held {
  readonly version: string
  readonly bytes: Uint8Array
}

export const NOTHING: World = Object.fromEntries(HELD_TYPES.map((type) => [type, new Map()])) as never

/** What one stream knows of a type. */
interface Subscribed {
  wildcard: boolean
  readonly names: Set<string>
  /** Version by name as the proxy has it, or '' for one it was told is not there. */
  readonly told: Map<string, string>
  /** Nothing was answered yet. */
  fresh: boolean
}

/** A change that a stream has not been told. */
interface Change {
  readonly name: string
  readonly held: Held | undefined
}

/** A control plane without a network, which tells of its changes in any portions and in any order. */
export class AnyPlane implements Plane {
  readonly #events: ControlPlaneEvents
  #stream: Map<HeldType, Subscribed> | undefined
  #nonce = 0
  world: World = NOTHING
  session = 0
  lastResponseAt: number | undefined
  /** What the proxy refused, in its words. */
  readonly refusals: string[] = []

  constructor(events: ControlPlaneEvents) {
    this.#events = events
  }

  get connected(): boolean {
    return this.#stream !== undefined
  }

  connect(): void {
    this.session++
    this.#stream = new Map()
    this.#events.opened()
  }

  stop(): void {
    this.#stream = undefined
  }

  send(type: HeldType, init: Parameters<Plane['send']>[1]): void {
    const known = this.#stream?.get(type)
    const of = known ?? { wildcard: false, names: new Set(), told: new Map(), fresh: true }
    this.#stream?.set(type, of)
    for (const [name, version] of Object.entries(init?.initialResourceVersions ?? {})) of.told.set(name, version)
    for (const name of init?.resourceNamesSubscribe ?? []) {
      if (name === '*') of.wildcard = true
      else {
        // Who subscribes again is told again.
        if (known) of.told.delete(name)
        of.names.add(name)
      }
    }
    for (const name of init?.resourceNamesUnsubscribe ?? []) {
      of.names.delete(name)
      of.told.delete(name)
    }
    if (init?.errorDetail?.message) this.refusals.push(`${type}: ${init.errorDetail.message}`)
  }

  #changes(type: HeldType): readonly Change[] {
    const of = this.#stream?.get(type)
    if (!of) return []
    const world = this.world[type]
    const names = of.wildcard ? new Set([...world.keys(), ...of.told.keys()]) : of.names
    return [...names].flatMap((name): Change[] => {
      const held = world.get(name)
      const told = of.told.get(name)
      if (held) return told === held.version ? [] : [{ name, held }]
      return told === undefined ? (of.wildcard ? [] : [{ name, held }]) : told === '' ? [] : [{ name, held }]
    })
  }

  /** Whether the stream has been told everything. */
  get told(): boolean {
    return HELD_TYPES.every((type) => this.#changes(type).length === 0 && !this.#owesAnswer(type))
  }

  /** The first request of a wildcard is answered also when there is nothing. */
  #owesAnswer(type: HeldType): boolean {
    return this.#stream?.get(type)?.fresh === true && (WILDCARD_TYPES as readonly HeldType[]).includes(type)
  }

  /** Tells what is due of every type, in the order in which a control plane does it. */
  tellAll(): void {
    for (const type of HELD_TYPES) this.#tell(type, this.#changes(type))
  }

  /** Tells some of what is due, of some types, in any order. */
  tellSome(any: Random): void {
    const types = [...HELD_TYPES].sort(() => any(3) - 1)
    for (const type of types.slice(0, 1 + any(types.length))) {
      const changes = [...this.#changes(type)].sort(() => any(3) - 1)
      this.#tell(type, changes.slice(0, any(changes.length + 1)))
    }
  }

  #tell(type: HeldType, changes: readonly Change[]): void {
    const of = this.#stream?.get(type)
    if (!of || (changes.length === 0 && !this.#owesAnswer(type))) return
    of.fresh = false
    for (const { name, held } of changes) {
      if (of.wildcard && !held) of.told.delete(name)
      else of.told.set(name, held?.version ?? '')
    }
    this.lastResponseAt = Date.now()
    this.#events.response(
      create(DeltaDiscoveryResponseSchema, {
        typeUrl: TYPE_URL[type],
        nonce: `${++this.#nonce}`,
        resources: changes.flatMap(({ name, held }) =>
          held ? [{ name, version: held.version, resource: { typeUrl: TYPE_URL[type], value: held.bytes } }] : [],
        ),
        removedResources: changes.flatMap(({ name, held }) => (held ? [] : [name])),
      }),
    )
  }

  /** The stream is lost, and opened again. */
  reconnect(): void {
    this.#stream = undefined
    this.connect()
  }
}
