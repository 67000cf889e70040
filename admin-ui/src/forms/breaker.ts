import type { Path } from '../yaml/index.ts'
import { type FormEdit, same, setFields } from './edits.ts'
import { read } from './schema.ts'

/** Fields of circuit breaking below a traffic policy, in the order of the form. */
export const BREAKER_FIELDS = {
  connections: [
    'connectionPool.tcp.maxConnections',
    'connectionPool.tcp.connectTimeout',
    'connectionPool.tcp.maxConnectionDuration',
    'connectionPool.tcp.idleTimeout',
    'connectionPool.tcp.tcpKeepalive',
  ],
  requests: [
    'connectionPool.http.http1MaxPendingRequests',
    'connectionPool.http.http2MaxRequests',
    'connectionPool.http.maxRequestsPerConnection',
    'connectionPool.http.maxRetries',
    'connectionPool.http.idleTimeout',
    'connectionPool.http.h2UpgradePolicy',
    'connectionPool.http.useClientProtocol',
    'connectionPool.http.maxConcurrentStreams',
    'connectionPool.http.http2KeepAlive',
  ],
  outliers: [
    'outlierDetection.consecutive5xxErrors',
    'outlierDetection.consecutiveGatewayErrors',
    'outlierDetection.splitExternalLocalOriginErrors',
    'outlierDetection.consecutiveLocalOriginFailures',
    'outlierDetection.outlierDetectionHttpErrorCodes',
    'outlierDetection.interval',
    'outlierDetection.baseEjectionTime',
    'outlierDetection.maxEjectionPercent',
    'outlierDetection.minHealthPercent',
    'outlierDetection.consecutiveErrors',
  ],
} as const

export type PresetName = 'conservative' | 'standard' | 'aggressive'

/** Starting points, from letting much through to protecting early. A preset sets these fields and leaves all others alone. */
export const PRESETS: Readonly<Record<PresetName, Readonly<Record<string, unknown>>>> = {
  conservative: {
    'connectionPool.tcp.maxConnections': 1024,
    'connectionPool.http.http1MaxPendingRequests': 1024,
    'connectionPool.http.http2MaxRequests': 1024,
    'connectionPool.http.maxRetries': 3,
    'outlierDetection.consecutive5xxErrors': 10,
    'outlierDetection.interval': '30s',
    'outlierDetection.baseEjectionTime': '30s',
    'outlierDetection.maxEjectionPercent': 10,
  },
  standard: {
    'connectionPool.tcp.maxConnections': 200,
    'connectionPool.http.http1MaxPendingRequests': 100,
    'connectionPool.http.http2MaxRequests': 400,
    'connectionPool.http.maxRetries': 3,
    'outlierDetection.consecutive5xxErrors': 5,
    'outlierDetection.interval': '10s',
    'outlierDetection.baseEjectionTime': '30s',
    'outlierDetection.maxEjectionPercent': 30,
  },
  aggressive: {
    'connectionPool.tcp.maxConnections': 50,
    'connectionPool.http.http1MaxPendingRequests': 10,
    'connectionPool.http.http2MaxRequests': 100,
    'connectionPool.http.maxRetries': 1,
    'outlierDetection.consecutive5xxErrors': 3,
    'outlierDetection.interval': '5s',
    'outlierDetection.baseEjectionTime': '60s',
    'outlierDetection.maxEjectionPercent': 50,
  },
}

/** Presets from the one that lets most through. */
export const PRESET_NAMES = ['conservative', 'standard', 'aggressive'] as const satisfies readonly PresetName[]

/** The edits of a preset on the traffic policy at `path`. */
export function presetEdits(document: unknown, path: Path, preset: PresetName): readonly FormEdit[] {
  return setFields(document, path, PRESETS[preset])
}

/** The preset whose every field holds now. */
export function presetOf(policy: unknown): PresetName | undefined {
  return PRESET_NAMES.find((name) =>
    Object.entries(PRESETS[name]).every(([field, value]) => same(read(policy, ...field.split('.')), value)),
  )
}

/** Takes circuit breaking out of a policy: limits, ejection or both. */
export function breakerOff(document: unknown, path: Path): readonly FormEdit[] {
  return setFields(document, path, { connectionPool: undefined, outlierDetection: undefined })
}
