import { InvalidArgumentError, Option } from 'commander'
import type { HostPort } from '../../controlplane/bootstrap/host-port.ts'
import { parseDuration } from '../../controlplane/config/syntax/duration.ts'
import { redisTarget } from '../../controlplane/shared/redis-target.ts'
import { errorText } from '../../errors/thrown.ts'

/** `127.0.0.1:18000`, `[::1]:18000`, `control-plane:18000` or `:18000` (loopback). Port 0 is allowed where `zero` says so. */
export function hostPort(zero: 'port 0 allowed' | 'real port'): (text: string) => HostPort {
  return (text) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text)
    const port = Number(match?.[3])
    if (!match || port > 65_535 || (port === 0 && zero === 'real port'))
      throw new InvalidArgumentError('write HOST:PORT, for example 127.0.0.1:18000 or [::1]:18000')
    return { host: match[1] ?? (match[2] || '127.0.0.1'), port }
  }
}

/** An option for an address on loopback with a default port. */
export function addressOption(
  flag: string,
  description: string,
  zero: Parameters<typeof hostPort>[0],
  port: number,
): Option {
  return new Option(`${flag} <host:port>`, description)
    .argParser(hostPort(zero))
    .default({ host: '127.0.0.1', port }, `127.0.0.1:${port}`)
}

/** The same for several addresses: the option may be repeated. */
export function addressesOption(flag: string, description: string, port: number): Option {
  const unless: readonly HostPort[] = [{ host: '127.0.0.1', port }]
  const one = hostPort('real port')
  return new Option(`${flag} <host:port>`, description)
    .argParser((text: string, before: readonly HostPort[]) => [...(before === unless ? [] : before), one(text)])
    .default(unless, `127.0.0.1:${port}`)
}

/** Where an API is asked: as `hostPort`, or as the URL that a control plane prints; `tls` where that begins with https. */
export function apiAddress(text: string): HostPort & { readonly tls?: boolean } {
  if (!/^https?:\/\//.test(text)) return hostPort('real port')(text)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.pathname !== '/' || url.search || url.hash || url.username)
    throw new InvalidArgumentError('write HOST:PORT, http://HOST:PORT or https://HOST:PORT, without a path')
  const tls = url.protocol === 'https:'
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port) || (tls ? 443 : 80), tls }
}

/** A TCP port; 0, for any that is free, is allowed. @throws InvalidArgumentError in words for people, as all here do */
export function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('write a port, 0 to 65535')
  return value
}

/** A whole number of at least 1. */
export function count(text: string): number {
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < 1) throw new InvalidArgumentError('write a whole number from 1 on')
  return value
}

/** A whole number between two, both allowed. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a number from ${least} to ${most}`)
    return value
  }
}

/** A duration between two, as documents write them; ms. */
export function durationBetween(least: string, most: string): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text)
    if (ms === undefined || ms < parseDuration(least)! || ms > parseDuration(most)!)
      throw new InvalidArgumentError(`write a duration from ${least} to ${most}, for example 30m`)
    return ms
  }
}

/** A JSON object, for node metadata. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`this is no JSON (${errorText(error)})`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('write a JSON object, for example \'{"LABELS":{"app":"shop"}}\'')
  return value as Readonly<Record<string, unknown>>
}

/** A node id: of Istio's form as a whole, or any other word, as gRPC clients have. */
export function nodeId(text: string): string {
  const parts = text.split('~').length
  if (parts !== 1 && parts !== 4)
    throw new InvalidArgumentError(
      'an id with ~ has four parts, TYPE~IP~NAME.NAMESPACE~DOMAIN, as sidecar~10.0.0.1~shop.default~default.svc.cluster.local',
    )
  return text
}

/** `region/zone/subzone`, the latter two optional. */
export function locality(text: string): { region: string; zone?: string; subZone?: string } {
  const [region, zone, subZone, ...rest] = text.split('/')
  if (!region || rest.length > 0) throw new InvalidArgumentError('write REGION, REGION/ZONE or REGION/ZONE/SUBZONE')
  return { region, ...(zone ? { zone } : {}), ...(subZone ? { subZone } : {}) }
}

/** `name=value`, collected over several uses of the option. Later values of one name win. */
export function keyValue(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('write NAME=VALUE')
  return { ...before, [text.slice(0, at).trim().toLowerCase()]: text.slice(at + 1) }
}

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text)
    if (!found) throw new InvalidArgumentError(`write one of: ${words.join(', ')}`)
    return found
  }
}

/** Where an HTTP API is. */
export function httpUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('write http://HOST:PORT or https://HOST:PORT')
  return text
}

/** A URL of Redis. */
export function redisUrl(text: string): string {
  try {
    const target = redisTarget(text)
    if (typeof target === 'string' && new URL(target).hostname === '') throw new RangeError('no host')
    return text
  } catch {
    throw new InvalidArgumentError(
      'write redis://[user:password@]HOST[:PORT][/DB], rediss:// for TLS, redis+sentinel://[user:password@]HOST:PORT,HOST:PORT/NAME[/DB], or redis+cluster://[user:password@]HOST:PORT,HOST:PORT',
    )
  }
}
