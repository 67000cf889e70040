import type { IssuePath } from '../schema.ts'
import { isPrime } from '../syntax/prime.ts'
import { type WrittenMessage, written, writtenList, writtenMessage } from './written.ts'

type Add = (path: IssuePath, message: string) => void

const DEFAULT_MIN_RING = 1024
const DEFAULT_MAX_RING = 8 * 1024 * 1024

/** The size of a Maglev table, in the message of either form (old field of a cluster, extension). */
export function checkMaglev(message: WrittenMessage, add: Add): void {
  const [key, size] = written(message, 'table_size')
  if (size !== undefined && Number.isInteger(Number(size)) && !isPrime(Number(size)))
    add([key], `the size of a Maglev table must be a prime number, ${size} is none`)
}

/** The bounds of a hash ring, in the message of either form. A bound that is left out has Envoy's default. */
export function checkRing(message: WrittenMessage, add: Add): void {
  const [minKey, min = DEFAULT_MIN_RING] = written(message, 'minimum_ring_size')
  const [maxKey, max = DEFAULT_MAX_RING] = written(message, 'maximum_ring_size')
  if (Number(min) <= Number(max)) return
  const key = message[maxKey] === undefined ? minKey : maxKey
  add([key], `minimum_ring_size (${min}) is more than maximum_ring_size (${max})`)
}

/** A subset selector that falls back to fewer keys names them. */
export function checkSubsetSelector(selector: WrittenMessage, add: Add): void {
  const [policyKey, policy] = written(selector, 'fallback_policy')
  if (policy !== 'KEYS_SUBSET' && policy !== 4) return
  const [key, fewer] = written(selector, 'fallback_keys_subset')
  const keys = new Set(strings(written(selector, 'keys')[1]))
  const subset = new Set(strings(fewer))
  if (subset.size === 0) add([policyKey], 'KEYS_SUBSET needs fallback_keys_subset')
  else if ([...subset].some((one) => !keys.has(one)) || subset.size === keys.size)
    add([key], 'fallback_keys_subset must name some of the keys, not all and no others')
}

/** `load_balancing_policy` stands for all older fields, some of which Envoy does not take beside it. */
export function checkPolicyFields(cluster: WrittenMessage, add: Add): void {
  const [extensionKey] = written(cluster, 'load_balancing_policy')
  const [policyKey, policy] = written(cluster, 'lb_policy')
  if (cluster[extensionKey] === undefined) {
    if (policy === 'LOAD_BALANCING_POLICY_CONFIG' || policy === 7)
      add([policyKey], 'lb_policy LOAD_BALANCING_POLICY_CONFIG needs a load_balancing_policy')
    return
  }
  const [subsetKey, subset] = written(cluster, 'lb_subset_config')
  if (subset !== undefined) add([subsetKey], 'lb_subset_config cannot stand beside load_balancing_policy')
  const [commonKey, common] = writtenMessage(cluster, 'common_lb_config')
  for (const name of ['zone_aware_lb_config', 'locality_weighted_lb_config', 'consistent_hashing_lb_config']) {
    const [key, value] = written(common, name)
    if (value !== undefined) add([commonKey, key], `${name} cannot stand beside load_balancing_policy`)
  }
}

const CLUSTERS = 'type.googleapis.com/envoy.extensions.clusters.'

/** Extensions for clusters that bring their own way to choose an endpoint, which the cluster has to ask for. */
const BRING_BALANCING = [
  'aggregate.v3.ClusterConfig',
  'dynamic_forward_proxy.v3.ClusterConfig',
  'redis.v3.RedisClusterConfig',
].map((name) => CLUSTERS + name)

const PROVIDED = 'type.googleapis.com/envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided'

/** That a cluster whose extension chooses endpoints says so. */
export function checkProvidedBalancing(cluster: WrittenMessage, add: Add): void {
  const [typeKey, type] = writtenMessage(cluster, 'cluster_type')
  const config = writtenMessage(type, 'typed_config')[1]['@type']
  if (typeof config !== 'string' || !BRING_BALANCING.includes(config)) return
  const [extensionKey, extension] = writtenMessage(cluster, 'load_balancing_policy')
  const [policyKey, policy] = written(cluster, 'lb_policy')
  const [, [first]] = writtenList(extension, 'policies')
  const named = writtenMessage(writtenMessage(first ?? {}, 'typed_extension_config')[1], 'typed_config')[1]['@type']
  if (cluster[extensionKey] === undefined ? policy === 'CLUSTER_PROVIDED' || policy === 6 : named === PROVIDED) return
  const [key] = [extensionKey, policyKey, typeKey].filter((one) => cluster[one] !== undefined)
  add([key!], 'this cluster_type chooses endpoints itself: set lb_policy to CLUSTER_PROVIDED')
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
