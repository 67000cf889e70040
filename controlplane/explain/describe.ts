import type { Duration } from '@bufbuild/protobuf/wkt'
import type { LbEndpoint } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import type { Route } from '../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { HTTPFault } from '../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import type { FractionalPercent } from '../../proto/gen/envoy/type/v3/percent_pb.ts'
import { joined, same, type Wording } from './wording.ts'

/** A route in words: what it matches, then what it does. */
export function describeRoute(route: Route): Wording {
  return joined([describeMatch(route), describeAction(route)], ' → ', ' → ')
}

/** `30 % of requests wait 2s; 10 % get HTTP 503`. */
export function describeFault(fault: HTTPFault): Wording {
  const parts: Wording[] = []
  const delay = fault.delay
  if (delay?.faultDelaySecifier.case === 'fixedDelay')
    parts.push({
      en: `${fractionText(delay.percentage)} of requests wait ${durationText(delay.faultDelaySecifier.value)}`,
      zh: `${fractionText(delay.percentage)} 的请求延迟 ${durationText(delay.faultDelaySecifier.value)}`,
    })
  const abort = fault.abort
  if (abort?.errorType.case === 'httpStatus')
    parts.push({
      en: `${fractionText(abort.percentage)} get HTTP ${abort.errorType.value}`,
      zh: `${fractionText(abort.percentage)} 的请求得到 HTTP ${abort.errorType.value}`,
    })
  if (abort?.errorType.case === 'grpcStatus')
    parts.push({
      en: `${fractionText(abort.percentage)} get gRPC status ${abort.errorType.value}`,
      zh: `${fractionText(abort.percentage)} 的请求得到 gRPC 状态 ${abort.errorType.value}`,
    })
  return parts.length > 0 ? joined(parts, '; ', '；') : { en: 'none', zh: '无' }
}

/** Address and port of an endpoint. */
export function endpointText(endpoint: LbEndpoint): string {
  const address =
    endpoint.hostIdentifier.case === 'endpoint' ? endpoint.hostIdentifier.value.address?.address : undefined
  if (address?.case === 'pipe') return address.value.path
  if (address?.case !== 'socketAddress') return '?'
  const { portSpecifier } = address.value
  return `${address.value.address}:${portSpecifier.case === 'portValue' ? portSpecifier.value : '?'}`
}

/** `2s` or `250ms`. */
export function durationText({ seconds, nanos }: Duration): string {
  const ms = Number(seconds) * 1000 + nanos / 1e6
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

function describeMatch({ match }: Route): Wording {
  const { pathSpecifier: path } = match ?? { pathSpecifier: { case: undefined } }
  const where =
    path.case === 'safeRegex'
      ? { en: `path ~ ${path.value.regex}`, zh: `路径 ~ ${path.value.regex}` }
      : path.case === undefined || typeof path.value !== 'string' || (path.case !== 'path' && path.value === '/')
        ? { en: 'any path', zh: '任意路径' }
        : path.case === 'path'
          ? { en: `path ${path.value}`, zh: `路径 ${path.value}` }
          : { en: `path ${path.value}*`, zh: `路径 ${path.value}*` }
  const more = [
    ...(match?.headers ?? []).map(({ name }) => ({ en: `header ${name}`, zh: `请求头 ${name}` })),
    ...(match?.queryParameters ?? []).map(({ name }) => ({ en: `query ${name}`, zh: `查询参数 ${name}` })),
  ]
  return joined([where, ...more])
}

function describeAction({ action }: Route): Wording {
  switch (action.case) {
    case 'directResponse':
      return { en: `answer ${action.value.status}`, zh: `应答 ${action.value.status}` }
    case 'redirect':
      return { en: 'redirect', zh: '重定向' }
    case 'route': {
      const { clusterSpecifier: target, timeout, retryPolicy, prefixRewrite, regexRewrite } = action.value
      const parts = [
        target.case === 'weightedClusters'
          ? joined(target.value.clusters.map(({ name, weight }) => same(`${name} (${weight ?? 0})`)))
          : same(String(target.value ?? '')),
      ]
      if (timeout && (timeout.seconds > 0n || timeout.nanos > 0))
        parts.push({ en: `timeout ${durationText(timeout)}`, zh: `超时 ${durationText(timeout)}` })
      if (retryPolicy) {
        const times = retryPolicy.numRetries ?? 1
        parts.push({
          en: `up to ${times} retries on ${retryPolicy.retryOn}`,
          zh: `最多重试 ${times} 次（${retryPolicy.retryOn}）`,
        })
      }
      if (prefixRewrite || regexRewrite) parts.push({ en: 'path rewritten', zh: '改写路径' })
      return joined(parts)
    }
    default:
      return action.case === undefined ? { en: 'nothing', zh: '无动作' } : same(action.case)
  }
}

function fractionText(fraction: FractionalPercent | undefined): string {
  if (!fraction) return '100 %'
  const share = fraction.numerator / [100, 10_000, 1_000_000][fraction.denominator]!
  return `${Number((share * 100).toFixed(4))} %`
}
