import type { Duration } from '@bufbuild/protobuf/wkt'
import type { Route } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { HTTPFault } from '../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import type { FractionalPercent } from '../../proto/gen/envoy/type/v3/percent_pb.ts'

/** A route in words: what it matches, then what it does. */
export function describeRoute(route: Route): string {
  return `${describeMatch(route)} → ${describeAction(route)}`
}

/** `30 % of requests wait 2s; 10 % get HTTP 503`. */
export function describeFault(fault: HTTPFault): string {
  const parts: string[] = []
  const delay = fault.delay
  if (delay?.faultDelaySecifier.case === 'fixedDelay')
    parts.push(`${fractionText(delay.percentage)} of requests wait ${durationText(delay.faultDelaySecifier.value)}`)
  const abort = fault.abort
  if (abort?.errorType.case === 'httpStatus')
    parts.push(`${fractionText(abort.percentage)} get HTTP ${abort.errorType.value}`)
  if (abort?.errorType.case === 'grpcStatus')
    parts.push(`${fractionText(abort.percentage)} get gRPC status ${abort.errorType.value}`)
  return parts.join('; ') || 'none'
}

export function durationText({ seconds, nanos }: Duration): string {
  const ms = Number(seconds) * 1000 + nanos / 1e6
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

function describeMatch({ match }: Route): string {
  const { pathSpecifier: path } = match ?? { pathSpecifier: { case: undefined } }
  const where =
    path.case === 'safeRegex'
      ? `path ~ ${path.value.regex}`
      : path.case === undefined || typeof path.value !== 'string'
        ? 'any path'
        : path.case === 'path'
          ? `path ${path.value}`
          : path.value === '/'
            ? 'any path'
            : `path ${path.value}*`
  const more = [
    ...(match?.headers ?? []).map(({ name }) => `header ${name}`),
    ...(match?.queryParameters ?? []).map(({ name }) => `query ${name}`),
  ]
  return [where, ...more].join(', ')
}

function describeAction({ action }: Route): string {
  switch (action.case) {
    case 'directResponse':
      return `answer ${action.value.status}`
    case 'redirect':
      return 'redirect'
    case 'route': {
      const { clusterSpecifier: target, timeout, retryPolicy, prefixRewrite, regexRewrite } = action.value
      const parts = [
        target.case === 'weightedClusters'
          ? target.value.clusters.map(({ name, weight }) => `${name} (${weight ?? 0})`).join(', ')
          : String(target.value ?? ''),
      ]
      if (timeout && (timeout.seconds > 0n || timeout.nanos > 0)) parts.push(`timeout ${durationText(timeout)}`)
      if (retryPolicy) parts.push(`up to ${retryPolicy.numRetries ?? 1} retries on ${retryPolicy.retryOn}`)
      if (prefixRewrite || regexRewrite) parts.push('path rewritten')
      return parts.join(', ')
    }
    default:
      return action.case ?? 'nothing'
  }
}

function fractionText(fraction: FractionalPercent | undefined): string {
  if (!fraction) return '100 %'
  const share = fraction.numerator / [100, 10_000, 1_000_000][fraction.denominator]!
  return `${Number((share * 100).toFixed(4))} %`
}
