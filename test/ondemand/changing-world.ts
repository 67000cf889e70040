import type { ConfigObject } from '../../controlplane/config/object.ts'
import type { Upstream } from '../helpers/echo.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { configObjects } from '../helpers/objects.ts'
import { virtualService } from './bed.ts'

/** A mesh that changes while requests go on: services that move, are renamed, split and joined again. */
export class ChangingWorld {
  readonly #count: number
  readonly #upstreams: readonly Upstream[]
  /** How often each service was renamed: `svc3-v2.test`. */
  readonly #names: number[]
  readonly #upstream: number[]
  readonly #split = new Set<number>()
  #connections = 0
  /** What each document was read as: only those that changed are read again, as loading does. */
  #read = new Map<string, ReadonlyMap<string, ConfigObject>>()

  constructor(count: number, upstreams: readonly Upstream[]) {
    this.#count = count
    this.#upstreams = upstreams
    this.#names = Array.from({ length: count }, () => 0)
    this.#upstream = Array.from({ length: count }, () => 0)
  }

  /** What callers ask for: stays the same whatever the service is called. */
  host(index: number): string {
    return `front${index}.test`
  }

  /** What the service is called at present. */
  service(index: number): string {
    return `svc${index}-v${this.#names[index]}.test`
  }

  isSplit(index: number): boolean {
    return this.#split.has(index)
  }

  /** The service gets other endpoints. */
  move(index: number): void {
    this.#upstream[index] = (this.#upstream[index]! + 1) % this.#upstreams.length
  }

  /** The service goes, another with the same endpoints takes over. */
  rename(index: number): void {
    this.#names[index]!++
  }

  /** Requests are shared with the next service, or no longer. */
  toggleSplit(index: number): void {
    if (!this.#split.delete(index)) this.#split.add(index)
  }

  /** Every cluster is updated. */
  update(): void {
    this.#connections++
  }

  yaml(): string {
    return this.#documents().join('')
  }

  /** The same, read. Documents that did not change since the last time keep their objects. */
  objects(): ReadonlyMap<string, ConfigObject> {
    const read = new Map(this.#documents().map((text) => [text, this.#read.get(text) ?? configObjects(text)]))
    this.#read = read
    return new Map([...read.values()].flatMap((objects) => [...objects]))
  }

  /** The documents of one service. Those of the service before it name it while they share requests with it. */
  file(index: number): string {
    const next = this.service((index + 1) % this.#count)
    const more = this.#split.has(index) ? `, weight: 50}, {destination: {host: ${next}}, weight: 50` : ''
    const route = `[{route: [{destination: {host: ${this.service(index)}}${more}}]}]`
    return (
      serviceAt(this.service(index), [this.#upstreams[this.#upstream[index]!]!]) +
      virtualService(this.host(index), route)
    )
  }

  /** The document that is about all services. */
  policy(): string {
    return `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all}
spec: {host: '*.test', trafficPolicy: {connectionPool: {tcp: {maxConnections: ${1000 + this.#connections}}}}}
`
  }

  #documents(): readonly string[] {
    return [...Array.from({ length: this.#count }, (_, index) => this.file(index)), this.policy()]
  }
}

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
