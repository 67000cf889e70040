import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { make } from '../../../proto/make.ts'
import { putVarint, varintSize } from './varint.ts'

/** An authority and the cluster it leads to. */
export interface Lead {
  readonly authority: string
  readonly cluster: string
}

/**
 * The fewest of these authorities such that the longest of them that an authority of the list begins with leads where that one does.
 * What begins with a known one and leads elsewhere is kept, so for each authority of the list, and for nothing else, the answer is exact:
 * `reviews.shop` stands for `reviews.shop.svc:80` too, until somebody is called `reviews.shop.svc`.
 * @param leads each authority once
 */
export function fewestPrefixes(leads: readonly Lead[]): readonly Lead[] {
  const sorted = [...leads].sort(byAuthority)
  const kept: Lead[] = []
  /** Kept ones that the present authority begins with, the longest last. */
  const open: Lead[] = []
  for (const lead of sorted) {
    while (open.length > 0 && !lead.authority.startsWith(open.at(-1)!.authority)) open.pop()
    if (open.at(-1)?.cluster === lead.cluster) continue
    open.push(lead)
    kept.push(lead)
  }
  return kept
}

function byAuthority(a: Lead, b: Lead): number {
  return a.authority < b.authority ? -1 : a.authority > b.authority ? 1 : 0
}

const LENGTH = WireType.LengthDelimited
const TYPES = 'type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3'
const HEADER_INPUT = 'type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput'

/**
 * A cluster specifier that looks the authority up among prefixes, the longest first.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/router/cluster_specifiers/matcher/v3/cluster_specifier_matcher.proto
 * https://github.com/cncf/xds/blob/main/xds/type/matcher/v3/matcher.proto
 */
export function clusterMap(prefixes: readonly Lead[]): Any {
  // HttpRequestHeaderMatchInput: header_name = 1
  const input = bytes((writer) => writer.tag(1, LENGTH).string(':authority'))
  // MatcherTree: input = 1, prefix_match_map = 3
  const tree = bytes((writer) =>
    writer
      .tag(1, LENGTH)
      .bytes(extension('authority', HEADER_INPUT, input))
      .tag(3, LENGTH)
      .bytes(matchMap(prefixes)),
  )
  return make(AnySchema, {
    typeUrl: `${TYPES}.MatcherClusterSpecifier`,
    // MatcherClusterSpecifier: cluster_matcher = 1; Matcher: matcher_tree = 2
    value: bytes((writer) => writer.tag(1, LENGTH).fork().tag(2, LENGTH).bytes(tree).join()),
  })
}

/** Tags of fields 1 and 2 that have a length. */
const [FIRST, SECOND] = [(1 << 3) | LENGTH, (2 << 3) | LENGTH] as const

/** A `MatchMap`, written by hand: it has thousands of entries, and a writer takes some microseconds for each. */
function matchMap(prefixes: readonly Lead[]): Uint8Array {
  const entries = prefixes.map(({ authority, cluster }) => {
    const head = headOf(Buffer.byteLength(cluster))
    const key = Buffer.byteLength(authority)
    const value = head.length + Buffer.byteLength(cluster)
    return { authority, cluster, head, key, value, size: 2 + varintSize(key) + key + varintSize(value) + value }
  })
  const map = Buffer.alloc(entries.reduce((sum, { size }) => sum + 1 + varintSize(size) + size, 0))
  let at = 0
  const put = (tag: number, length: number) => {
    map[at++] = tag
    at = putVarint(map, at, length)
  }
  for (const { authority, cluster, head, key, value, size } of entries) {
    // MatchMap: map = 1; an entry: key = 1, value = 2
    put(FIRST, size)
    put(FIRST, key)
    at += map.write(authority, at)
    put(SECOND, value)
    map.set(head, at)
    at += head.length
    at += map.write(cluster, at)
  }
  return map
}

const heads = new Map<number, Uint8Array>()

/** An `OnMatch` that chooses a cluster, up to the cluster's name, which has so many bytes and comes last. */
function headOf(length: number): Uint8Array {
  let head = heads.get(length)
  if (!head) {
    // ClusterAction: cluster = 1; OnMatch: action = 2
    const action = bytes((writer) => writer.tag(1, LENGTH).bytes(new Uint8Array(length)))
    const whole = bytes((writer) => writer.tag(2, LENGTH).bytes(extension('cluster', `${TYPES}.ClusterAction`, action)))
    head = whole.slice(0, whole.length - length)
    heads.set(length, head)
  }
  return head
}

/** TypedExtensionConfig: name = 1, typed_config = 2; Any: type_url = 1, value = 2 */
function extension(name: string, typeUrl: string, value: Uint8Array): Uint8Array {
  return bytes((writer) =>
    writer
      .tag(1, LENGTH)
      .string(name)
      .tag(2, LENGTH)
      .fork()
      .tag(1, LENGTH)
      .string(typeUrl)
      .tag(2, LENGTH)
      .bytes(value)
      .join(),
  )
}

function bytes(write: (writer: BinaryWriter) => unknown): Uint8Array {
  const writer = new BinaryWriter()
  write(writer)
  return writer.finish()
}
