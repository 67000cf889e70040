import type { Random } from '../../../codecs/mutated.ts'
import { oneOf, someOf } from '../area.ts'
import { METHODS, PATHS } from './match.ts'

/** What the rules of a mesh can refer to. */
export interface Pool {
  readonly destinations: readonly string[]
  readonly gateways: readonly string[]
  readonly hosts: readonly string[]
  readonly delegates: readonly { readonly name: string; readonly namespace?: string }[]
  /** Whether chance may decide: such meshes are compared by their tables, not by requests. */
  readonly chance: boolean
}

const HEADER_VALUES = [
  'v',
  '',
  'a b',
  '%REQ(x-a)%',
  '100%',
  '%',
  '%%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%x',
] as const
const HOST_VALUES = ['new.test', 'new.test:8080', 'NEW.test'] as const

export function destination(any: Random, { destinations }: Pool): object {
  return {
    host: oneOf(any, destinations),
    ...(any(3) === 0 && { subset: oneOf(any, ['v1', 'v2', 'v1', 'nosuch']) }),
    ...(any(3) > 0 && { port: { number: oneOf(any, [80, 80, 80, 8080, 9080, 443]) } }),
  }
}

function changes(any: Random, request: boolean): object {
  const names = ['x-a', 'x-new', 'X-Upper', ...(request ? [] : ['x-echo-name'])]
  const some = () => Object.fromEntries(someOf(any, names).map((name) => [name, oneOf(any, HEADER_VALUES)]))
  const host = () =>
    request && any(6) === 0
      ? { [oneOf(any, ['host', 'Host', ':authority', 'Authority'])]: oneOf(any, HOST_VALUES) }
      : {}
  const pseudo = () =>
    any(20) === 0 ? { [oneOf(any, [':path', ':method', ':scheme'])]: oneOf(any, ['/p', 'PUT']) } : {}
  return {
    ...(any(2) === 0 && { set: { ...some(), ...host(), ...pseudo() } }),
    ...(any(2) === 0 && { add: { ...some(), ...host() } }),
    ...(any(3) === 0 && {
      remove: [...someOf(any, names), ...(any(8) === 0 ? [oneOf(any, ['host', ':path', 'Host'])] : [])],
    }),
  }
}

export function headers(any: Random): object {
  return {
    ...(any(3) > 0 && { request: changes(any, true) }),
    ...(any(2) === 0 && { response: changes(any, false) }),
  }
}

function percentage(any: Random, { chance }: Pool): object {
  if (any(5) === 0) return {}
  return { percentage: any(10) === 0 ? {} : { value: oneOf(any, chance ? [0.01, 50, 33.3333, 99.5] : [0, 100, 100]) } }
}

function fault(any: Random, pool: Pool): object {
  return {
    ...(any(2) === 0 && { delay: { fixedDelay: oneOf(any, ['0.001s', '5ms']), ...percentage(any, pool) } }),
    ...(any(3) > 0 && {
      abort: {
        ...(any(3) > 0
          ? { httpStatus: oneOf(any, [400, 503, 418, 200]) }
          : { grpcStatus: oneOf(any, ['UNAVAILABLE', 'NOT_FOUND', 'OK']) }),
        ...percentage(any, pool),
      },
    }),
  }
}

function retries(any: Random): object {
  return {
    ...(any(6) > 0 && { attempts: any(4) }),
    ...(any(3) === 0 && { perTryTimeout: oneOf(any, ['2s', '0.5s', '1m']) }),
    ...(any(2) === 0 && {
      retryOn: oneOf(any, [
        '5xx',
        '503',
        'gateway-error,reset',
        '503,404',
        'retriable-4xx',
        'connect-failure',
        '5xx, 429',
        'retriable-status-codes',
      ]),
    }),
    ...(any(5) === 0 && { retryRemoteLocalities: any(2) === 0 }),
    ...(any(5) === 0 && { backoff: oneOf(any, ['1ms', '10ms', '30ms']) }),
    ...(any(5) === 0 && { retryIgnorePreviousHosts: any(2) === 0 }),
  }
}

function cors(any: Random): object {
  return {
    ...(any(5) > 0 && {
      allowOrigins: someOf(
        any,
        [{ exact: 'http://o.test' }, { prefix: 'http://' }, { regex: '.*' }, { exact: '*' }, { prefix: '' }],
        2,
      ),
    }),
    ...(any(8) === 0 && { allowOrigin: [oneOf(any, ['*', 'http://o.test'])] }),
    ...(any(2) === 0 && { allowMethods: someOf(any, [...METHODS, '*'], 2) }),
    ...(any(2) === 0 && { allowHeaders: someOf(any, ['x-a', 'x-b', '*'], 2) }),
    ...(any(2) === 0 && { exposeHeaders: ['x-e'] }),
    ...(any(2) === 0 && { maxAge: oneOf(any, ['24h', '1.5s', '0.001s', '0s']) }),
    ...(any(2) === 0 && { allowCredentials: any(2) === 0 }),
    ...(any(3) === 0 && { unmatchedPreflights: oneOf(any, ['FORWARD', 'IGNORE', 'UNSPECIFIED']) }),
  }
}

function redirect(any: Random): object {
  return {
    ...(any(2) === 0 && { uri: oneOf(any, ['/new', '/', '/n?x=1', '%PREFIX()%/z', 'rel']) }),
    ...(any(2) === 0 && { authority: oneOf(any, ['new.test', 'new.test:81']) }),
    ...oneOf(any, [
      ...[{}, {}, { port: oneOf(any, [80, 443, 8080]) }],
      { derivePort: oneOf(any, ['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']) },
    ]),
    ...(any(3) === 0 && { scheme: oneOf(any, ['https', 'http']) }),
    ...(any(2) === 0 && { redirectCode: oneOf(any, [301, 302, 303, 307, 308]) }),
  }
}

function directResponse(any: Random): object {
  return {
    status: oneOf(any, [200, 404, 503, 599]),
    ...(any(3) > 0 && { body: any(2) === 0 ? { string: oneOf(any, ['text', '', '{"a":1}']) } : { bytes: 'AAEC' } }),
  }
}

function rewrite(any: Random): object {
  return {
    ...(any(3) > 0
      ? { uri: oneOf(any, ['/new', '/', '/new/', '/a?b=c', 'x']) }
      : any(2) === 0 && {
          uriRegexRewrite: {
            match: oneOf(any, ['^/a(.*)$', 'a', '/([a-z]+)/(.*)']),
            rewrite: oneOf(any, ['/z\\1', '', '\\2\\1']),
          },
        }),
    ...(any(3) === 0 && { authority: oneOf(any, HOST_VALUES) }),
  }
}

/** Where requests go. With one destination it gets everything, whatever its weight. */
function split(any: Random, pool: Pool): object[] {
  const several = any(3) === 0
  const entry = (weight: number | undefined) => ({
    destination: destination(any, pool),
    ...(weight !== undefined && { weight }),
    ...(any(4) === 0 && { headers: headers(any) }),
  })
  if (!several) return [entry(oneOf(any, [undefined, undefined, 100, 0, 1]))]
  const weights = oneOf(
    any,
    pool.chance
      ? [
          [25, 75],
          [1, 2, 3],
          [0, 50, 50],
        ]
      : [
          [100, 0],
          [0, 100],
          [0, 1, 0],
          [undefined, 100],
        ],
  )
  return weights.map(entry)
}

/** The part of a rule that is not its match. */
export function action(any: Random, pool: Pool): object {
  const kind = any(12)
  if (kind === 0) return { redirect: redirect(any), ...(any(4) === 0 && { headers: headers(any) }) }
  if (kind === 1) return { directResponse: directResponse(any), ...(any(3) === 0 && { headers: headers(any) }) }
  if (kind === 2 && pool.delegates.length > 0)
    return {
      delegate: oneOf(any, pool.delegates),
      ...(any(3) === 0 && { rewrite: rewrite(any) }),
      ...(any(3) === 0 && { timeout: '3s' }),
    }
  return {
    route: split(any, pool),
    ...(any(4) === 0 && { rewrite: rewrite(any) }),
    ...(any(4) === 0 && { timeout: oneOf(any, ['3s', '0s', '1h', '1500ms']) }),
    ...(any(4) === 0 && { retries: retries(any) }),
    ...(any(6) === 0 && { fault: fault(any, pool) }),
    ...(any(8) === 0 && { mirror: destination(any, pool), ...mirrorShare(any, pool) }),
    ...(any(10) === 0 && { mirrors: [{ destination: destination(any, pool), ...percentage(any, pool) }] }),
    ...(any(6) === 0 && { corsPolicy: cors(any) }),
    ...(any(4) === 0 && { headers: headers(any) }),
  }
}

function mirrorShare(any: Random, pool: Pool): object {
  const { percentage: mirrorPercentage } = percentage(any, pool) as { percentage?: object }
  return mirrorPercentage ? { mirrorPercentage } : {}
}

export const anyPath = (any: Random) => oneOf(any, PATHS)
