import { isObject } from '../plain-object.ts'
import { httpImplies, tcpImplies, tlsImplies } from './implication.ts'
import { type Check, type Complain, each, type Of } from './world.ts'

/** Above this number of matches in one list only matches that are equal or match everything are looked for: pairs grow with the square. */
const MAX_PAIRWISE = 1000

type Implies<Match> = (inner: Match, outer: Match, gateways: readonly string[]) => boolean

interface Seen<Match> {
  readonly match: Match
  readonly rule: number
  readonly at: number
}

/** Rules and matches that earlier ones leave nothing to. */
export const checkUnreachable: Check = each(['VirtualService'], (_world, complain) => {
  return (service) => {
    const { http = [], tls = [], tcp = [] } = service.spec
    checkList(service, 'http', http, httpImplies, complain)
    checkList(service, 'tls', tls, tlsImplies, complain)
    checkList(service, 'tcp', tcp, tcpImplies, complain)
  }
})

function checkList<Match extends object>(
  service: Of<'VirtualService'>,
  field: string,
  rules: readonly { readonly match?: readonly Match[] | undefined }[],
  implies: Implies<Match>,
  complain: Complain,
): void {
  const gateways = service.spec.gateways ?? []
  const pairwise = rules.reduce((sum, { match = [] }) => sum + match.length, 0) <= MAX_PAIRWISE
  const earlier: Seen<Match>[] = []
  const known = new Map<string, Seen<Match>>()
  let all: number | undefined
  for (const [rule, { match = [] }] of rules.entries()) {
    const path = ['spec', field, rule]
    if (all !== undefined) {
      complain(
        service,
        'ROUTE_UNREACHABLE',
        path,
        `the rule is never used: ${field}[${all}] before it matches everything`,
      )
      continue
    }
    if (match.length === 0) {
      all = rule
      continue
    }
    const covered: (readonly [number, Seen<Match>])[] = []
    for (const [at, one] of match.entries()) {
      const key = canonical(one)
      const by = known.get(key) ?? (pairwise ? earlier.find((seen) => implies(one, seen.match, gateways)) : undefined)
      if (by) {
        covered.push([at, by])
        continue
      }
      const seen = { match: one, rule, at }
      known.set(key, seen)
      earlier.push(seen)
      if (matchesAll(one)) all = rule
    }
    report(service, field, rule, match.length, covered, complain)
  }
}

function report<Match>(
  service: Of<'VirtualService'>,
  field: string,
  rule: number,
  matches: number,
  covered: readonly (readonly [number, Seen<Match>])[],
  complain: Complain,
): void {
  const others = covered.filter(([, by]) => by.rule !== rule)
  if (covered.length === matches && others.length > 0) {
    const names = [...new Set(others.map(([, by]) => `${field}[${by.rule}].match[${by.at}]`))]
    const message = `the rule is never used: ${names.slice(0, 3).join(', ')} before it ${names.length > 1 ? 'match' : 'matches'} everything it could`
    complain(service, 'ROUTE_UNREACHABLE', ['spec', field, rule], message)
    return
  }
  for (const [at, by] of covered)
    complain(
      service,
      'MATCH_SHADOWED',
      ['spec', field, rule, 'match', at],
      `the match is never used: ${field}[${by.rule}].match[${by.at}] before it covers it`,
    )
}

const LABELS_ONLY = new Set(['name', 'statPrefix'])

function conditions(match: object): [string, unknown][] {
  return Object.entries(match).filter(([key, value]) => !LABELS_ONLY.has(key) && value !== undefined && value !== false)
}

function matchesAll(match: object): boolean {
  return conditions(match).every(([key, value]) => key === 'uri' && isAnyPrefix(value))
}

function isAnyPrefix(uri: unknown): boolean {
  const { prefix } = uri as { prefix?: unknown }
  return prefix === '/' || prefix === ''
}

/** Equal for equal conditions, whatever their order and their names for logs. */
function canonical(match: object): string {
  return JSON.stringify(Object.fromEntries(conditions(match)), (_, value: unknown) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  )
}

/** Shares of several destinations that are no percentages. */
export const checkWeights: Check = each(['VirtualService'], (_world, complain) => {
  return (service) => {
    const { http = [], tls = [], tcp = [] } = service.spec
    for (const [field, rules] of Object.entries({ http, tls, tcp })) {
      for (const [index, { route = [] }] of rules.entries()) {
        const sum = route.reduce((total, { weight = 0 }) => total + weight, 0)
        if (route.length > 1 && sum !== 100 && sum !== 0)
          complain(
            service,
            'WEIGHTS_NOT_100',
            ['spec', field, index, 'route'],
            `the weights sum to ${sum}; they are shares of ${sum}, not of 100`,
          )
      }
    }
  }
})
