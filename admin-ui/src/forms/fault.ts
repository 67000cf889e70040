import type { Path } from '../yaml/index.ts'
import { choose, type FormEdit, setField } from './edits.ts'
import { isMap, read, readList, readMap, readNumber, readText } from './schema.ts'

/** A fault of a route as the form shows it. */
export interface Fault {
  readonly delay: { readonly fixedDelay: string | undefined; readonly percent: number } | undefined
  readonly abort:
    | { readonly kind: 'http'; readonly status: number | undefined; readonly percent: number }
    | { readonly kind: 'grpc'; readonly status: string | undefined; readonly percent: number }
    | undefined
}

/** gRPC codes by name, as `grpcStatus` takes them. https://grpc.io/docs/guides/status-codes/ */
export const GRPC_STATUSES = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

/** The old `percent` counts where `percentage` is not written. */
function percentOf(part: unknown): number {
  return readNumber(part, 'percentage', 'value') ?? readNumber(part, 'percent') ?? 0
}

/** What a `fault` of a route does; shares in percent, 0 where none is written. */
export function readFault(fault: unknown): Fault {
  const delay = read(fault, 'delay')
  const abort = read(fault, 'abort')
  const grpc = readText(abort, 'grpcStatus')
  return {
    delay: isMap(delay) ? { fixedDelay: readText(delay, 'fixedDelay'), percent: percentOf(delay) } : undefined,
    abort: !isMap(abort)
      ? undefined
      : grpc === undefined
        ? { kind: 'http', status: readNumber(abort, 'httpStatus'), percent: percentOf(abort) }
        : { kind: 'grpc', status: grpc, percent: percentOf(abort) },
  }
}

/** Which requests a fault shall meet, beside the conditions the rule has already. */
export interface Scope {
  readonly headers?: Readonly<Record<string, string>>
  readonly uriPrefix?: string
  readonly sourceLabels?: Readonly<Record<string, string>>
}

/**
 * A rule of its own in front of rule `index` for the requests of a scope: the same conditions narrowed, the same destinations, and the fault.
 * All other requests go on as before.
 */
export function scopedFault(
  document: unknown,
  http: Path,
  index: number,
  scope: Scope,
  fault: Readonly<Record<string, unknown>>,
): readonly FormEdit[] {
  const rule = readMap(document, ...http, index)
  const { name, match: _, fault: __, ...rest } = rule
  const conditions = readList(rule, 'match')
  const narrowed = (conditions.length > 0 ? conditions : [{}]).map((one) => narrow(one, scope))
  const named = typeof name === 'string' ? { name: `${name}-fault` } : {}
  return [{ op: 'insert', path: [...http, index], value: { ...named, match: narrowed, fault, ...rest } }]
}

function narrow(condition: unknown, { headers, uriPrefix, sourceLabels }: Scope): Readonly<Record<string, unknown>> {
  const map = isMap(condition) ? condition : {}
  const wanted = Object.entries(headers ?? {}).map(([header, value]) => [header.toLowerCase(), { exact: value }])
  return {
    ...map,
    ...(uriPrefix ? { uri: { prefix: uriPrefix } } : {}),
    ...(wanted.length > 0 ? { headers: { ...readMap(map, 'headers'), ...Object.fromEntries(wanted) } } : {}),
    ...(sourceLabels ? { sourceLabels: { ...readMap(map, 'sourceLabels'), ...sourceLabels } } : {}),
  }
}

/** The whole percentage of a part of a fault; the old `percent` goes, it would count beside the new one. */
export function faultPercent(document: unknown, part: Path, percent: number): readonly FormEdit[] {
  const held = readMap(document, ...part)
  const old = Object.hasOwn(held, 'percent') ? [{ op: 'delete' as const, path: [...part, 'percent'] }] : []
  return [...setField(document, [...part, 'percentage', 'value'], percent), ...old]
}

/** Whether a fault stops every request of its rule. */
export function stopsEverything(fault: unknown): boolean {
  const { abort } = readFault(fault)
  return abort !== undefined && abort.percent >= 100
}

/** A delay as it begins, when somebody asks for one. */
export const NEW_DELAY = { fixedDelay: '2s', percentage: { value: 10 } } as const
/** An abort as it begins. */
export const NEW_ABORT = { httpStatus: 503, percentage: { value: 10 } } as const

/** The edits that make an abort at `path` answer with a status of HTTP or of gRPC; its share stays. */
export function abortKind(document: unknown, path: Path, kind: 'http' | 'grpc'): readonly FormEdit[] {
  const [field, value] = kind === 'grpc' ? ['grpcStatus', 'UNAVAILABLE'] : ['httpStatus', 503]
  return choose(document, path, ['httpStatus', 'grpcStatus', 'http2Error'], String(field), value)
}

/** Which requests a new fault shall meet, as a person says it. */
export interface Aim {
  readonly scope: 'header' | 'path' | 'all'
  readonly header: string
  /** Value of the header, or the beginning of the path. */
  readonly text: string
}

/** Whether an aim says enough: a fault must never meet more than was meant. */
export function isAimed({ scope, header, text }: Aim): boolean {
  return scope === 'all' || (text.trim() !== '' && (scope === 'path' || header.trim() !== ''))
}

/**
 * The edits that begin a fault for rule `path`: of a few requests all fail, in a rule of their own in front of it; of all requests a few wait.
 */
export function beginFault(document: unknown, path: Path, { scope, header, text }: Aim): readonly FormEdit[] {
  if (scope === 'all') return setField(document, [...path, 'fault'], { delay: NEW_DELAY })
  const narrow: Scope = scope === 'header' ? { headers: { [header.trim()]: text.trim() } } : { uriPrefix: text.trim() }
  const fault = { abort: { httpStatus: 503, percentage: { value: 100 } } }
  return scopedFault(document, path.slice(0, -1), Number(path.at(-1)), narrow, fault)
}
