import type { HttpMatchRequest } from '../kinds/http/match.ts'
import type { StringMatch } from '../kinds/string-match.ts'
import type { L4MatchAttributes, TlsMatchAttributes } from '../kinds/virtual-service.ts'
import { isSubsetOf } from '../syntax/host.ts'

/**
 * Whether one condition can only hold where another one holds as well. A "no" may be wrong (two regular expressions are compared as
 * texts), a "yes" never is: a rule reported as shadowed is shadowed.
 */

/** Longer lists of SNI names are not compared: each name of one would be held against each of the other. */
const MAX_PAIRS = 100_000

type Strings = Readonly<Record<string, StringMatch>>

function isPresence(match: StringMatch): boolean {
  return match.exact === undefined && match.prefix === undefined && match.regex === undefined
}

/** `inner` implies `outer`, for values of which at least the presence is known when `inner` is given. */
function stringImplies(inner: StringMatch | undefined, outer: StringMatch | undefined, ignoreCase = false): boolean {
  if (!outer) return true
  if (!inner) return false
  if (isPresence(outer)) return true
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text)
  if (outer.regex !== undefined) return inner.regex === outer.regex
  if (outer.exact !== undefined) return inner.exact !== undefined && fold(inner.exact) === fold(outer.exact)
  const start = inner.exact ?? inner.prefix
  return start !== undefined && fold(start).startsWith(fold(outer.prefix!))
}

function mapImplies(inner: Strings | undefined, outer: Strings | undefined): boolean {
  return Object.entries(outer ?? {}).every(
    ([key, match]) => inner?.[key] !== undefined && stringImplies(inner[key], match),
  )
}

function isAnyPath(uri: StringMatch): boolean {
  return uri.prefix === '/' || uri.prefix === '' || uri.regex === '.*' || uri.regex === '/.*'
}

function uriImplies(inner: HttpMatchRequest, outer: HttpMatchRequest): boolean {
  if (!outer.uri || isPresence(outer.uri) || isAnyPath(outer.uri)) return true
  // A condition without regard to case is wider than the same one with it.
  if (inner.ignoreUriCase && !outer.ignoreUriCase) return false
  return stringImplies(inner.uri, outer.uri, outer.ignoreUriCase)
}

interface Caller {
  readonly port?: number | undefined
  readonly sourceLabels?: Readonly<Record<string, string>> | undefined
  readonly sourceNamespace?: string | undefined
  readonly gateways?: readonly string[] | undefined
}

function callerImplies(inner: Caller, outer: Caller, gateways: readonly string[]): boolean {
  if (outer.port && inner.port !== outer.port) return false
  if (outer.sourceNamespace && inner.sourceNamespace !== outer.sourceNamespace) return false
  if (!Object.entries(outer.sourceLabels ?? {}).every(([key, value]) => inner.sourceLabels?.[key] === value))
    return false
  const all = gateways.length > 0 ? gateways : ['mesh']
  const outerGateways = outer.gateways?.length ? outer.gateways : all
  return (inner.gateways?.length ? inner.gateways : all).every((gateway) => outerGateways.includes(gateway))
}

/** `gateways` are those of the VirtualService, which hold for matches that name none. */
export function httpImplies(inner: HttpMatchRequest, outer: HttpMatchRequest, gateways: readonly string[]): boolean {
  return (
    uriImplies(inner, outer) &&
    stringImplies(inner.scheme, outer.scheme) &&
    stringImplies(inner.method, outer.method) &&
    stringImplies(inner.authority, outer.authority) &&
    mapImplies(inner.headers, outer.headers) &&
    mapImplies(inner.queryParams, outer.queryParams) &&
    Object.entries(outer.withoutHeaders ?? {}).every(
      ([key, match]) => JSON.stringify(inner.withoutHeaders?.[key]) === JSON.stringify(match),
    ) &&
    callerImplies(inner, outer, gateways)
  )
}

function subnetsImply(inner: readonly string[] | undefined, outer: readonly string[] | undefined): boolean {
  if (!outer?.length) return true
  const known = new Set(outer)
  return !!inner?.length && inner.every((subnet) => known.has(subnet))
}

/**
 * Whether all that meets the TCP condition `inner` meets `outer` too.
 * @param gateways of the VirtualService, for conditions that name none
 */
export function tcpImplies(inner: L4MatchAttributes, outer: L4MatchAttributes, gateways: readonly string[]): boolean {
  return subnetsImply(inner.destinationSubnets, outer.destinationSubnets) && callerImplies(inner, outer, gateways)
}

/** The same for TLS. */
export function tlsImplies(inner: TlsMatchAttributes, outer: TlsMatchAttributes, gateways: readonly string[]): boolean {
  return (
    inner.sniHosts.length * outer.sniHosts.length <= MAX_PAIRS &&
    inner.sniHosts.every((host) => outer.sniHosts.some((wide) => isSubsetOf(host, wide))) &&
    subnetsImply(inner.destinationSubnets, outer.destinationSubnets) &&
    callerImplies(inner, outer, gateways)
  )
}
