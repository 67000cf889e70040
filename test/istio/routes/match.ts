import type { Random } from '../../../codecs/mutated.ts'
import { oneOf, someOf } from '../area.ts'

/** Small pools: what rules ask for and what requests bring come from the same. */
export const PATHS = ['/', '/a', '/a/', '/a/b', '/ab', '/A', '/b', '/a.b'] as const
export const VALUES = ['', 'a', 'ab', 'A', 'b', 'a,b'] as const
export const HEADERS = ['x-a', 'x-b', 'X-C', 'cookie', 'content-type'] as const
export const QUERY = ['q', 'r', 'Q'] as const
export const METHODS = ['GET', 'POST', 'OPTIONS', 'HEAD', 'PATCH'] as const
export const LABELS = [{ app: 'x' }, { app: 'y' }, { app: 'x', version: 'v1' }] as const

/** A condition on a text. */
export function stringMatch(any: Random, values: readonly string[]): object {
  const value = oneOf(any, values)
  switch (any(8)) {
    case 0:
    case 1:
    case 2:
      return { exact: value }
    case 3:
    case 4:
    case 5:
      return { prefix: value }
    case 6:
      return { regex: oneOf(any, [`${value}.*`, '.*', `(?i)${value || 'a'}`, `${value || 'a'}+`, '[/a-b]+', value]) }
    default:
      return { regex: '.*' }
  }
}

function headerMatch(any: Random): object {
  const draw = any(8)
  if (draw === 0) return {}
  if (draw === 1) return { regex: '*' }
  return stringMatch(any, VALUES)
}

function conditions(any: Random, names: readonly string[]): object {
  return Object.fromEntries(someOf(any, names, 3).map((name) => [name, headerMatch(any)]))
}

/** What a rule may ask of a request; each part rarely, so that requests meet it. */
export function match(
  any: Random,
  { gateways, hosts }: { readonly gateways: readonly string[]; readonly hosts: readonly string[] },
): object {
  const rarely = any(3) === 0 ? 5 : 12
  const one = () => any(rarely) === 0
  return {
    ...(any(4) === 0 && { name: oneOf(any, ['m', 'n']) }),
    ...(any(3) > 0 && { uri: stringMatch(any, PATHS) }),
    ...(one() && { ignoreUriCase: any(3) > 0 }),
    ...(one() && { scheme: stringMatch(any, ['http', 'https']) }),
    ...(one() && { method: stringMatch(any, METHODS) }),
    ...(one() && { authority: stringMatch(any, [...hosts, `${hosts[0]}:80`, 'x.test:8080']) }),
    ...(any(rarely - 3) === 0 && { headers: conditions(any, HEADERS) }),
    ...(any(rarely - 2) === 0 && { withoutHeaders: conditions(any, HEADERS) }),
    ...(any(rarely - 3) === 0 && { queryParams: conditions(any, QUERY) }),
    ...(one() && { port: oneOf(any, [80, 8080, 9080]) }),
    ...(one() && { sourceLabels: oneOf(any, LABELS) }),
    ...(one() && { sourceNamespace: oneOf(any, ['default', 'shop']) }),
    ...(one() && { gateways: [oneOf(any, gateways)] }),
    ...(one() && { statPrefix: 'stat' }),
  }
}
