import type { Codec } from '../../codecs/contract.ts'
import { emptyRef } from '../../codecs/contract.ts'
import { fieldValue } from '../../codecs/values.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { DescriptorEntry, GlobalRateLimit } from '../configuration.ts'
import { type Condition, compileMatches } from '../route/condition.ts'

/** What a service is told of a message: entries in order, as `envoy.extensions.common.ratelimit.v3.RateLimitDescriptor` has them. */
export interface Descriptor {
  readonly entries: readonly { readonly key: string; readonly value: string }[]
}

/** The service of a limit; `cluster` follows the configuration. */
export interface ServiceTarget {
  readonly name: string
  cluster: Cluster | undefined
}

/** A `GlobalRateLimit` for frames of one codec. */
export interface CompiledLimit {
  readonly domain: string
  readonly timeoutMs: number
  readonly service: ServiceTarget
  readonly sets: readonly (readonly CompiledDescriptor[])[]
}

interface CompiledDescriptor {
  readonly condition: Condition | undefined
  readonly denyOnFailure: boolean
  /** undefined: the message has not what a descriptor needs. */
  readonly make: (b: Uint8Array, at: number, length: number, clientIp: string) => Descriptor | undefined
}

/** Descriptors of one message for one service, and whether it is refused when the service does not answer. */
export interface Told {
  readonly descriptors: readonly Descriptor[]
  readonly denyOnFailure: boolean
}

/** Envoy's default. */
const defaultTimeoutMs = 20

const ref = emptyRef()

/** Limits of a route with their fields as slots of the protocol; times in ms. The services' clusters are looked up later, with those of routes. */
export function compileLimits(codec: Codec, limits: readonly GlobalRateLimit[] = []): readonly CompiledLimit[] {
  return limits.map(({ domain, cluster, timeoutMs, sets }) => ({
    domain,
    timeoutMs: timeoutMs ?? defaultTimeoutMs,
    service: { name: cluster, cluster: undefined },
    sets: sets.map((set) =>
      set.map(({ match, entries, denyOnFailure }) => ({
        condition: compileMatches(codec, match ?? []),
        denyOnFailure: denyOnFailure ?? false,
        make: compileEntries(codec, entries),
      })),
    ),
  }))
}

function compileEntries(codec: Codec, entries: readonly DescriptorEntry[]): CompiledDescriptor['make'] {
  const readers = entries.map((entry) => ({
    key: entry.key,
    optional: 'skipIfAbsent' in entry && entry.skipIfAbsent === true,
    read: entryReader(codec, entry),
  }))
  return (b, at, length, clientIp) => {
    const found: { key: string; value: string }[] = []
    for (const { key, optional, read } of readers) {
      const value = read(b, at, length, clientIp)
      if (value !== undefined) found.push({ key, value })
      else if (!optional) return undefined
    }
    return found.length > 0 ? { entries: found } : undefined
  }
}

type EntryReader = (b: Uint8Array, at: number, length: number, clientIp: string) => string | undefined

function entryReader(codec: Codec, entry: DescriptorEntry): EntryReader {
  if ('value' in entry) return () => entry.value
  if ('sourceIp' in entry) return (_b, _at, _length, clientIp) => clientIp || undefined
  const slot = codec.slot(entry.field)
  const info = codec.fields[slot]
  if (!info) return () => undefined
  return (b, at, length) => {
    if (!codec.read(slot, b, at, length, ref)) return undefined
    const value = fieldValue(info, b, ref)
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
  }
}

/** What the service is told of a message; undefined when the limit is not for it. */
export function describe(
  { sets }: CompiledLimit,
  b: Uint8Array,
  at: number,
  length: number,
  clientIp: string,
): Told | undefined {
  const descriptors: Descriptor[] = []
  let denyOnFailure = false
  for (const set of sets) {
    const first = set.find(({ condition }) => condition === undefined || condition(b, at, length))
    const descriptor = first?.make(b, at, length, clientIp)
    if (!first || !descriptor) continue
    descriptors.push(descriptor)
    denyOnFailure ||= first.denyOnFailure
  }
  return descriptors.length > 0 ? { descriptors, denyOnFailure } : undefined
}
