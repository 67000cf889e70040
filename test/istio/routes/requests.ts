import type { Random } from '../../../codecs/mutated.ts'
import { oneOf, someOf } from '../area.ts'
import type { Asker } from '../question.ts'
import { HEADERS, METHODS, PATHS, QUERY, VALUES } from './match.ts'

/** A request to a proxy. */
export interface Request {
  /** Position among the proxies that ask. */
  readonly proxy: number
  /** The port it was sent to: a service's, or a gateway's. */
  readonly port: number
  readonly authority: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

const NAMES = [
  ...[
    'a',
    'b',
    'c',
    'a.shop',
    'a.default.svc',
    'a.default.svc.cluster.local',
    'a.shop.svc.cluster.local',
    'c.shop.svc.cluster.local',
  ],
  ...[
    'x.test',
    'y.x.test',
    'w.x.test',
    'v.test',
    'z.test',
    'X.Test',
    'x.test.',
    'nobody.example',
    '10.1.1.1',
    '[fd00::1]',
    '[fd00::4]',
  ],
] as const
const EACH = 24
/** Where a Sidecar may serve all HTTP as a proxy. */
export const PROXY_PORT = 3128

export function requests(any: Random, proxies: readonly Asker[]): readonly Request[] {
  return proxies.flatMap(({ type }, proxy) =>
    Array.from({ length: EACH }, () => {
      const port =
        type === 'router' ? oneOf(any, [80, 80, 8080, 443]) : oneOf(any, [80, 80, 8080, 9080, 9081, PROXY_PORT])
      const name = oneOf(any, NAMES)
      // A sidecar of ours knows the port by the authority alone.
      const plain = type === 'router' ? any(3) > 0 : port === 80 && any(6) === 0
      const written = type === 'router' && any(4) === 0 ? 8443 : port === PROXY_PORT ? oneOf(any, [80, 8080]) : port
      return {
        proxy,
        port,
        authority: plain ? name : `${name}:${written}`,
        method: oneOf(any, ['GET', 'GET', ...METHODS]),
        path: path(any),
        headers: headers(any),
      }
    }),
  )
}

function path(any: Random): string {
  const query = someOf(any, QUERY, 4).map((name) =>
    any(6) === 0 ? name : `${name}=${encodeURIComponent(oneOf(any, VALUES))}`,
  )
  return `${oneOf(any, [...PATHS, '/a/b/c', '/%61', '/a//b', '/a/../b', '/AB/x'])}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

function headers(any: Random): Record<string, string> {
  const own = someOf(any, HEADERS, 3).map((name) => [name.toLowerCase(), oneOf(any, VALUES)])
  const special = [
    ...(any(6) === 0 ? [['origin', oneOf(any, ['http://o.test', 'https://p.test'])]] : []),
    ...(any(8) === 0 ? [['access-control-request-method', 'GET']] : []),
    ...(any(8) === 0 ? [['x-echo-status', oneOf(any, ['503', '404', '500', '429'])]] : []),
    ...(any(16) === 0 ? [['content-type', 'application/grpc']] : []),
    ...(any(10) === 0 ? [['x-forwarded-proto', oneOf(any, ['https', 'http'])]] : []),
  ]
  return Object.fromEntries([...own, ...special])
}
