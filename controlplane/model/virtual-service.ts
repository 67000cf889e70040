import type { HttpMatchRequest } from '../config/kinds/http/match.ts'
import type { HttpRoute } from '../config/kinds/http/route.ts'
import type { StringMatch } from '../config/kinds/string-match.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import type { ConfigObject, Origin } from '../config/object.ts'
import type { Scope } from './scope.ts'
import { gatewayKey } from './visible-virtual-services.ts'

type VirtualService = ConfigObject<VirtualServiceSpec>

/** One condition of a rule. `spec.gateways` are keys (`mesh`, `<namespace>/<name>`). */
export interface EffectiveMatch {
  readonly spec: HttpMatchRequest
  /** The match in the rule, and the one of the delegating rule it was joined with. */
  readonly origins: readonly Origin[]
}

/** One rule for HTTP as it is in force, what it delegates to merged in. */
export interface EffectiveHttpRoute {
  /** Without `match` and `delegate`. */
  readonly spec: HttpRoute
  /** One must hold; none means that the rule takes everything. */
  readonly matches: readonly EffectiveMatch[]
  /** The rule; that of the delegate when it was delegated to. */
  readonly origin: Origin
  /** The rule that delegates. */
  readonly root: Origin | undefined
  /** Fields that the delegate leaves open and the root rule fills. */
  readonly inherited: ReadonlySet<keyof HttpRoute>
}

/** Where a field of a rule stands. Short host names in it are relative to the namespace of that object. */
export function fieldOrigin(route: EffectiveHttpRoute, field: keyof HttpRoute, ...rest: Origin['path']): Origin {
  const base = route.root && route.inherited.has(field) ? route.root : route.origin
  return { object: base.object, path: [...base.path, field, ...rest] }
}

/** Fields that a delegate takes from the root rule when it has none itself, as Istio merges them. */
const INHERITED = [
  'rewrite',
  'directResponse',
  'timeout',
  'retries',
  'fault',
  'mirror',
  'mirrorPercent',
  'mirrorPercentage',
  'corsPolicy',
  'mirrors',
  'headers',
] as const satisfies readonly (keyof HttpRoute)[]

/**
 * The rules for HTTP in order. A rule that delegates becomes those rules of the delegate whose matches lie within its
 * own; one whose delegate is not there, is not exported to it, or delegates further itself is left out, as in Istio
 * (https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate). Analysis reports these.
 */
export function effectiveHttpRoutes(scope: Scope, virtualService: VirtualService): readonly EffectiveHttpRoute[] {
  return (virtualService.spec.http ?? []).flatMap((spec, index): readonly EffectiveHttpRoute[] => {
    const root = ownRoute(virtualService, spec, index)
    if (!spec.delegate) return [root]
    const namespace = spec.delegate.namespace || virtualService.namespace
    const delegate = scope.delegate(namespace, spec.delegate.name ?? '', virtualService.namespace)
    return (delegate?.spec.http ?? []).flatMap((inner, position) => {
      const merged = inner.delegate ? undefined : mergeRoute(root, ownRoute(delegate!, inner, position))
      return merged ? [merged] : []
    })
  })
}

function ownRoute(object: VirtualService, spec: HttpRoute, index: number): EffectiveHttpRoute {
  const path = ['spec', 'http', index]
  const matches = (spec.match ?? []).map((match, position) => ({
    spec: match.gateways
      ? { ...match, gateways: match.gateways.map((name) => gatewayKey(name, object.namespace)) }
      : match,
    origins: [{ object, path: [...path, 'match', position] }],
  }))
  return { spec, matches, origin: { object, path }, root: undefined, inherited: new Set() }
}

function mergeRoute(root: EffectiveHttpRoute, delegate: EffectiveHttpRoute): EffectiveHttpRoute | undefined {
  const matches = mergeMatches(root.matches, delegate.matches)
  if (!matches) return undefined
  const inherited = INHERITED.filter((field) => delegate.spec[field] === undefined && root.spec[field] !== undefined)
  const name = joinNames(root.spec.name, delegate.spec.name)
  return {
    spec: {
      ...delegate.spec,
      ...Object.fromEntries(inherited.map((field) => [field, root.spec[field]])),
      ...(name ? { name } : {}),
    },
    matches,
    origin: delegate.origin,
    root: root.origin,
    inherited: new Set(inherited),
  }
}

/**
 * Every match of the delegate joined with every match of the root it lies within; undefined when one of them lies in
 * none.
 */
function mergeMatches(
  roots: readonly EffectiveMatch[],
  delegates: readonly EffectiveMatch[],
): readonly EffectiveMatch[] | undefined {
  if (roots.length === 0) return delegates
  if (delegates.length === 0) return roots
  const merged: EffectiveMatch[] = []
  for (const delegate of delegates) {
    const fitting = roots.filter((root) => !conflicts(root.spec, delegate.spec))
    if (fitting.length === 0) return undefined
    for (const root of fitting)
      merged.push({ spec: mergeMatch(root.spec, delegate.spec), origins: [...delegate.origins, ...root.origins] })
  }
  return merged
}

function mergeMatch(root: HttpMatchRequest, delegate: HttpMatchRequest): HttpMatchRequest {
  const merged: HttpMatchRequest = { ...root, ...withoutUndefined(delegate) }
  const name = joinNames(root.name, delegate.name)
  if (name) merged.name = name
  for (const field of ['headers', 'withoutHeaders', 'queryParams'] as const)
    if (root[field] || delegate[field]) merged[field] = { ...root[field], ...delegate[field] }
  if (root.sourceLabels || delegate.sourceLabels)
    merged.sourceLabels = { ...root.sourceLabels, ...delegate.sourceLabels }
  merged.gateways = delegate.gateways?.length ? delegate.gateways : root.gateways
  return merged
}

/** Whether the delegate's match may hold where the root's does not. */
function conflicts(root: HttpMatchRequest, delegate: HttpMatchRequest): boolean {
  for (const field of ['uri', 'scheme', 'method', 'authority'] as const)
    if (stringsConflict(root[field], delegate[field])) return true
  for (const field of ['headers', 'withoutHeaders', 'queryParams'] as const)
    for (const [name, match] of Object.entries(delegate[field] ?? {}))
      if (stringsConflict(root[field]?.[name], match)) return true
  if ((root.ignoreUriCase ?? false) !== (delegate.ignoreUriCase ?? false)) return true
  if (root.port && delegate.port && root.port !== delegate.port) return true
  if (root.sourceNamespace && delegate.sourceNamespace !== root.sourceNamespace) return true
  for (const [name, value] of Object.entries(delegate.sourceLabels ?? {})) {
    const wanted = root.sourceLabels?.[name]
    if (wanted !== undefined && wanted !== value) return true
  }
  if (root.gateways?.length && delegate.gateways?.length)
    return !delegate.gateways.every((name) => root.gateways!.includes(name))
  return false
}

/**
 * An exact value or a prefix must lie within that of the root; two conditions one of which is a regex cannot be
 * compared.
 */
function stringsConflict(root: StringMatch | undefined, delegate: StringMatch | undefined): boolean {
  if (!root || !delegate) return false
  if (root.regex || delegate.regex) return true
  if (root.exact) return delegate.exact !== root.exact
  if (root.prefix) return !(delegate.prefix || delegate.exact || '').startsWith(root.prefix)
  return true
}

function joinNames(root: string | undefined, delegate: string | undefined): string {
  return root && delegate ? `${root}-${delegate}` : root || delegate || ''
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T
}
