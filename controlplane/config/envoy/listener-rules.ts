import { isIPv6 } from 'node:net'
import type { IssuePath } from '../schema.ts'
import { isIpAddress } from '../syntax/address.ts'
import { shown } from '../syntax/host.ts'
import { checkDatagrams, datagrams } from './datagram-rules.ts'
import { checkUpgrades } from './route-rules.ts'
import { type WrittenMessage, written, writtenList, writtenMessage } from './written.ts'

type Add = (path: IssuePath, message: string) => void

/** What Envoy demands of a listener beyond its API: where it listens, and filter chains that can be told apart. */
export function checkListener(listener: WrittenMessage, add: Add): void {
  const set = (name: string) => written(listener, name)[1] !== undefined
  if (set('internal_listener') && set('address'))
    add([written(listener, 'address')[0]], 'an internal listener has no address: others name it')
  if (set('api_listener') || set('internal_listener')) return
  const [addressKey, address] = writtenMessage(listener, 'address')
  if (listener[addressKey] === undefined) add([addressKey], 'a listener needs an address')
  const [socketKey, socket] = writtenMessage(address, 'socket_address')
  const host = socket['address']
  if (typeof host === 'string' && host !== '' && !isIpAddress(host))
    add([addressKey, socketKey, 'address'], `${shown(host)} is no IP address; a listener binds to addresses only`)
  const [portKey, port] = written(socket, 'named_port')
  if (port !== undefined) add([addressKey, socketKey, portKey], 'a listener needs the number of a port')
  checkCompatible(socket, (path, message) => add([addressKey, socketKey, ...path], message))
  const [moreKey, more] = writtenList(listener, 'additional_addresses')
  for (const [index, one] of more.entries()) {
    const [key, other] = writtenMessage(one, 'address')
    const [inner, its] = writtenMessage(other, 'socket_address')
    checkCompatible(its, (path, message) => add([moreKey, index, key, inner, ...path], message))
  }
  const [chainsKey, chains] = writtenList(listener, 'filter_chains')
  const { udp, quic } = datagrams(listener)
  if (chains.length === 0 && (!udp || quic) && !set('default_filter_chain'))
    add([chainsKey], 'a listener needs at least one filter chain')
  checkDatagrams(listener, add)
  if (!set('filter_chain_matcher')) distinctChains(chainsKey, chains, add)
}

/** `ipv4_compat` makes an IPv6 socket that listens take IPv4 too; elsewhere it says nothing. */
function checkCompatible(socket: WrittenMessage, add: Add): void {
  const [key, value] = written(socket, 'ipv4_compat')
  const host = socket['address']
  if (value !== true || typeof host !== 'string') return
  if (host !== '::' && !(isIPv6(host) && /^::ffff:/i.test(host)))
    add([key], `only :: and IPv4 addresses mapped to IPv6 can have ipv4_compat, ${shown(host)} cannot`)
}

function distinctChains(key: string, chains: readonly WrittenMessage[], add: Add): void {
  const seen = new Map<string, number>()
  for (const [index, chain] of chains.entries()) {
    const [matchKey, match] = writtenMessage(chain, 'filter_chain_match')
    const text = canonical(match)
    const earlier = seen.get(text)
    if (earlier === undefined) seen.set(text, index)
    else
      add(
        [key, index, ...(chain[matchKey] === undefined ? [] : [matchKey])],
        `the filter chain matches the same connections as ${key}[${earlier}]`,
      )
  }
}

/** One text for equal conditions: either spelling of names, any order of fields and of lists, empty values as if left out. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(String(value))
  const entries = Object.entries(value).flatMap(([key, item]) => {
    const empty = item === null || item === '' || (Array.isArray(item) && item.length === 0)
    return empty ? [] : [`${key.replaceAll('_', '').toLowerCase()}:${canonical(item)}`]
  })
  return `{${entries.sort().join()}}`
}

const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'

const NETWORK = 'type.googleapis.com/envoy.extensions.filters.network'

/** Network filters that take all that comes. */
const TERMINAL = new Set(
  [
    'http_connection_manager.v3.HttpConnectionManager',
    'tcp_proxy.v3.TcpProxy',
    'redis_proxy.v3.RedisProxy',
    'thrift_proxy.v3.ThriftProxy',
    'dubbo_proxy.v3.DubboProxy',
    'echo.v3.Echo',
    'direct_response.v3.Config',
  ].map((type) => `${NETWORK}.${type}`),
)

/** What stands behind a filter that takes everything would never run. */
export function checkFilterChain(chain: WrittenMessage, add: Add): void {
  const [key, filters] = writtenList(chain, 'filters')
  for (const [index, filter] of filters.slice(0, -1).entries()) {
    const type = writtenMessage(filter, 'typed_config')[1]['@type']
    if (typeof type === 'string' && TERMINAL.has(type))
      add([key, index], `${type.slice(NETWORK.length + 1)} must be the last network filter`)
  }
}

/** The router answers every request: what stands behind it would never run. Settings that exclude each other stand alone. */
export function checkConnectionManager(manager: WrittenMessage, add: Add): void {
  const [key, filters] = writtenList(manager, 'http_filters')
  const [upgradesKey, upgrades] = writtenList(manager, 'upgrade_configs')
  checkUpgrades(upgradesKey, upgrades, add)
  const [detectionKey, detection] = writtenList(manager, 'original_ip_detection_extensions')
  const trusted = Number(written(manager, 'xff_num_trusted_hops')[1] ?? 0) > 0
  if (detection.length > 0 && (trusted || written(manager, 'use_remote_address')[1] === true))
    add(
      [detectionKey],
      'with extensions that find the address, xff_num_trusted_hops and use_remote_address cannot be set',
    )
  const [anyKey, any] = written(manager, 'strip_any_host_port')
  if (any === true && written(manager, 'strip_matching_host_port')[1] === true)
    add([anyKey], 'strip_any_host_port and strip_matching_host_port exclude each other')
  const last = filters.at(-1)
  if (last?.['disabled'] === true) add([key, filters.length - 1, 'disabled'], 'the last HTTP filter cannot be disabled')
  for (const [index, filter] of filters.slice(0, -1).entries())
    if (writtenMessage(filter, 'typed_config')[1]['@type'] === ROUTER)
      add([key, index], 'the router must be the last HTTP filter')
}
