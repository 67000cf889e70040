import type { IssuePath } from '../schema.ts'
import { readDuration } from './scalar.ts'
import { type WrittenMessage, written, writtenList, writtenMessage } from './written.ts'

type Add = (path: IssuePath, message: string) => void

const set = (message: WrittenMessage, name: string) => written(message, name)[1] !== undefined

/** A part of a split has a weight and says where it goes in one way. */
export function checkClusterWeight(part: WrittenMessage, add: Add): void {
  if (!set(part, 'weight')) add(['weight'], 'a part of a split needs its weight')
  exactlyOneCluster(part, 'name', add)
  checkHeaders(part, add)
}

/** A mirror names a cluster, or the header that does. */
export function checkMirror(policy: WrittenMessage, add: Add): void {
  exactlyOneCluster(policy, 'cluster', add)
}

function exactlyOneCluster(message: WrittenMessage, name: string, add: Add): void {
  const named = [name, 'cluster_header'].filter((field) => (written(message, field)[1] ?? '') !== '')
  if (named.length !== 1)
    add(
      named.length === 0 ? [] : [written(message, 'cluster_header')[0]],
      `one of ${name} and cluster_header must be set`,
    )
}

/** What a route does to a path is said once, upgrades are distinct, and times are not negative. */
export function checkRouteAction(action: WrittenMessage, add: Add): void {
  const rewrites = ['prefix_rewrite', 'regex_rewrite', 'path_rewrite_policy'].filter(
    (name) => (written(action, name)[1] ?? '') !== '',
  )
  if (rewrites.length > 1) add([written(action, rewrites[1]!)[0]], `only one of ${rewrites.join(' and ')} may be set`)
  const [key, upgrades] = writtenList(action, 'upgrade_configs')
  for (const [index, upgrade] of upgrades.entries())
    if (set(upgrade, 'connect_config') && !/^CONNECT(?:-UDP)?$/i.test(String(written(upgrade, 'upgrade_type')[1])))
      add([key, index], 'connect_config is for upgrades of type CONNECT and CONNECT-UDP')
  checkUpgrades(key, upgrades, add)
  notNegative(action, ['timeout', 'idle_timeout'], add)
}

/** Types of upgrades, in any case, stand once. */
export function checkUpgrades(key: string, upgrades: readonly WrittenMessage[], add: Add): void {
  const seen = new Set<string>()
  for (const [index, upgrade] of upgrades.entries()) {
    const type = String(written(upgrade, 'upgrade_type')[1] ?? '').toLowerCase()
    if (seen.has(type)) add([key, index], `the upgrade ${type} stands twice`)
    seen.add(type)
  }
}

/** Times that Envoy takes for lengths; one that cannot be read is complained about as such. */
export function notNegative(message: WrittenMessage, fields: readonly string[], add: Add): void {
  for (const name of fields) {
    const [key, value] = written(message, name)
    const read = value === undefined ? undefined : readDuration(value)
    if (read && 'value' in read && (read.value as bigint) < 0n) add([key], `${name} must not be negative`)
  }
}

/** The longest pause between tries is not shorter than the first. */
export function checkBackOff(message: WrittenMessage, add: Add): void {
  const [from, to] = ['base_interval', 'max_interval'].map((name) => readDuration(written(message, name)[1]))
  if ('value' in from! && 'value' in to! && (to.value as bigint) < (from.value as bigint))
    add([written(message, 'max_interval')[0]], 'max_interval is less than base_interval')
}

/** Case is said in a regular expression itself. */
export function checkStringMatcher(matcher: WrittenMessage, add: Add): void {
  const [key, ignore] = written(matcher, 'ignore_case')
  if (ignore === true && set(matcher, 'safe_regex'))
    add([key], 'ignore_case has no effect beside safe_regex: write (?i)')
}

const FIXED = (name: unknown) => typeof name === 'string' && /^(?::.*|host)$/i.test(name)

/** Pseudo headers and Host are no headers that routes add or remove; host_rewrite_literal and prefix_rewrite change them. */
export function checkHeaders(message: WrittenMessage, add: Add): void {
  for (const name of ['request_headers_to_add', 'response_headers_to_add']) {
    const [key, options] = writtenList(message, name)
    for (const [index, option] of options.entries()) {
      const [headerKey, header] = writtenMessage(option, 'header')
      if (FIXED(header['key'])) add([key, index, headerKey, 'key'], `${header['key']} cannot be added or changed here`)
    }
  }
  for (const name of ['request_headers_to_remove', 'response_headers_to_remove']) {
    const [key, names] = written(message, name)
    for (const [index, header] of (Array.isArray(names) ? names : []).entries())
      if (FIXED(header)) add([key, index], `${header} cannot be removed`)
  }
}

/** The old way to say how a header is added excludes the new one. */
export function checkHeaderOption(option: WrittenMessage, add: Add): void {
  const [key] = written(option, 'append')
  if (
    set(option, 'append') &&
    (written(option, 'append_action')[1] ?? 0) !== 0 &&
    option['append_action'] !== 'APPEND_IF_EXISTS_OR_ADD'
  )
    add([key], 'append and append_action exclude each other')
}

/** A virtual cluster counts the requests that its headers match. */
export function checkVirtualCluster(cluster: WrittenMessage, add: Add): void {
  const [key, headers] = writtenList(cluster, 'headers')
  if (headers.length === 0) add([key], 'a virtual cluster needs headers')
}

const DEFAULT_BODY = 4096

/** A body that stands in a route is no longer than the table allows; 0 is no limit to Envoy (1.37 to 1.40). */
export function checkBodies(table: WrittenMessage, add: Add): void {
  const most = Number(written(table, 'max_direct_response_body_size_bytes')[1] ?? DEFAULT_BODY)
  const [hostsKey, hosts] = writtenList(table, 'virtual_hosts')
  for (const [i, host] of hosts.entries())
    for (const [j, route] of writtenList(host, 'routes')[1].entries()) {
      const [responseKey, response] = writtenMessage(route, 'direct_response')
      const size = bodyLength(writtenMessage(response, 'body')[1])
      if (most > 0 && size > most)
        add(
          [hostsKey, i, 'routes', j, responseKey, 'body'],
          `the body has ${size} bytes, more than max_direct_response_body_size_bytes (${most})`,
        )
    }
}

/** Bytes of a body that stands in the configuration; 0 for what is read from a file or the environment of the proxy. */
function bodyLength(body: WrittenMessage): number {
  const text = written(body, 'inline_string')[1]
  if (typeof text === 'string') return Buffer.byteLength(text)
  const bytes = written(body, 'inline_bytes')[1]
  return typeof bytes === 'string' ? Buffer.from(bytes, 'base64').length : 0
}

/** Names a client asks for: of wildcards only one in front of a whole label. */
export function checkChainMatch(match: WrittenMessage, add: Add): void {
  const [key, names] = written(match, 'server_names')
  for (const [index, name] of (Array.isArray(names) ? names : []).entries())
    if (String(name).includes('*') && !String(name).startsWith('*.'))
      add([key, index], `of wildcards only *.name is taken; without server_names a chain matches every name`)
}
