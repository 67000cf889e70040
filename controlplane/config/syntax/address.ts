import { isIP } from 'node:net'
import { shown } from './host.ts'

/** Whether the text is an IPv4 or IPv6 address; a zone (`%eth0`) is allowed as in Go's netip. */
export function isIpAddress(text: string): boolean {
  return text.length <= 128 && isIP(text) !== 0
}

/** Why a text is no IP address; undefined when it is one. */
export function ipProblem(text: string): string | undefined {
  return isIpAddress(text) ? undefined : `${shown(text)} is no IP address`
}

/** `10.1.0.0/16`: an address and a prefix length without zone or leading zeros. */
export function cidrProblem(text: string): string | undefined {
  const slash = text.indexOf('/')
  const address = text.slice(0, slash)
  const bits = text.slice(slash + 1)
  const family = slash > 0 && text.length <= 128 && !address.includes('%') ? isIP(address) : 0
  const right = family !== 0 && /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
  return right ? undefined : `${shown(text)} is no CIDR block`
}

/** An address or a CIDR block. */
export function subnetProblem(text: string): string | undefined {
  return text.includes('/') ? cidrProblem(text) : ipProblem(text)
}

export const UNIX_PREFIX = 'unix://'

/** The path of a UNIX domain socket: absolute, or abstract with a leading `@`. */
export function unixPathProblem(path: string): string | undefined {
  if (path === '') return 'the path of a UNIX domain socket must not be empty'
  if (path.startsWith('@')) return undefined
  return !path.startsWith('/') || path.endsWith('/')
    ? `UDS must be an absolute path or abstract socket and no directory, ${shown(path)} is neither`
    : undefined
}

/** Why a number is no port; undefined when it is one. */
export function portProblem(port: number): string | undefined {
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? undefined : `port must be between 1-65535, not ${port}`
}

/** `127.0.0.1:8080`, `[::1]:8080` or `:8080` in its parts; undefined when it is none of these. */
export function splitHostPort(text: string): { readonly host: string; readonly port: string } | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text.slice(0, 512))
  return match ? { host: match[1] ?? match[2] ?? '', port: match[3]! } : undefined
}

/** Host and port in one text that `splitHostPort` takes apart. */
export function hostPort(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** Whether an address is one of loopback. */
export function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}

const LOCAL: ReadonlySet<string> = new Set(['', '127.0.0.1', '0.0.0.0', '::1', '::'])

/** Where a program beside the proxy listens: `127.0.0.1:PORT`, `[::1]:PORT`, the wildcard addresses, or `unix:///path`. */
export function localEndpointProblem(endpoint: string): string | undefined {
  if (endpoint.startsWith(UNIX_PREFIX)) return unixPathProblem(endpoint.slice(UNIX_PREFIX.length))
  const parts = splitHostPort(endpoint)
  return !parts || !LOCAL.has(parts.host) || !/^[+-]?\d+$/.test(parts.port)
    ? `${shown(endpoint)} must have the form 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT, :PORT or unix:///path`
    : portProblem(Number(parts.port))
}

/**
 * Whether a listener would be what it passes connections on to, so that each opens the next one. `bind` is its IP address, nothing means
 * every IPv4 address; `endpoint` is where a program beside the proxy listens, nothing means the same port on loopback.
 */
export function leadsToItself(bind: string, port: number, endpoint: string): boolean {
  const target = endpoint === '' ? { host: '', port: `${port}` } : splitHostPort(endpoint)
  if (!target || endpoint.startsWith(UNIX_PREFIX) || Number(target.port) !== port) return false
  const loopback =
    target.host === '' || target.host === '0.0.0.0' ? '127.0.0.1' : target.host === '::' ? '::1' : target.host
  if (bind === '' || bind === '0.0.0.0') return isIP(loopback) === 4
  return bind === '::' ? isIP(loopback) === 6 : bind === loopback
}
