import * as z from 'zod'
import { checked, message, optional, type Report, required } from '../../schema.ts'
import { isPrime } from '../../syntax/prime.ts'
import { bool, double, duration, durationOrZero, strings, text, uint32, uint64 } from '../../syntax/values.ts'
import { localityLbSetting, zoneAwareLbSetting } from './locality.ts'

const httpCookie = message({
  name: required(text, 'Name of the cookie.'),
  path: optional(text, 'Path of a cookie that the proxy sets.'),
  ttl: optional(durationOrZero, 'Life of the cookie; 0s makes a session cookie. Without it the proxy never sets one.'),
  attributes: optional(
    z.array(
      message({
        name: required(text, 'Name of the attribute.'),
        value: optional(text, 'Value of the attribute.'),
      }),
    ),
    'Further attributes of a cookie that the proxy sets.',
  ),
})

const consistentHashFields = message(
  {
    httpHeaderName: optional(text, 'Hash the value of this request header.'),
    httpCookie: optional(httpCookie, 'Hash the value of this cookie.'),
    useSourceIp: optional(bool, "Hash the caller's address."),
    httpQueryParameterName: optional(text, 'Hash the value of this query parameter.'),
    ringHash: optional(
      message({ minimumRingSize: optional(uint64, 'Fewest places on the ring.', { default: '1024' }) }),
      'Use a hash ring.',
    ),
    maglev: optional(
      message({
        tableSize: optional(uint64, 'Size of the Maglev table, a prime number.', {
          default: '4093 up to 40 endpoints, else 65537',
        }),
      }),
      'Use a Maglev table; this is what a hash with no algorithm named gets.',
    ),
    minimumRingSize: optional(uint64, 'Fewest places on the ring.', { deprecated: 'use ringHash.minimumRingSize' }),
  },
  [
    ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
    ['ringHash', 'maglev'],
  ],
)

const MAX_MAGLEV = 5_000_011

function consistentHashRule(hash: ConsistentHash, report: Report): void {
  if (hash.minimumRingSize !== undefined && hash.minimumRingSize !== 0 && (hash.ringHash || hash.maglev))
    report(['minimumRingSize'], 'minimumRingSize excludes ringHash and maglev', { code: 'FIELD_CONFLICT' })
  if (hash.httpCookie) {
    if (hash.httpCookie.name === '') report(['httpCookie', 'name'], 'the name of the cookie must not be empty')
    const names = new Set<string>()
    for (const [index, { name }] of (hash.httpCookie.attributes ?? []).entries()) {
      if (name === '')
        report(['httpCookie', 'attributes', index, 'name'], 'the name of the attribute must not be empty')
      else if (names.has(name))
        report(['httpCookie', 'attributes', index, 'name'], `duplicate cookie attribute ${name}`)
      names.add(name)
    }
  }
  const size = hash.maglev?.tableSize
  // An empty `maglev: {}` asks for Envoy's table size; only a number that is written must be right.
  if (size === undefined) return
  if (size === 0) report(['maglev', 'tableSize'], 'tableSize must be set for maglev')
  else if (size >= MAX_MAGLEV) report(['maglev', 'tableSize'], `tableSize must be less than ${MAX_MAGLEV}`)
  else if (!isPrime(size)) report(['maglev', 'tableSize'], `tableSize must be a prime number, ${size} is none`)
}

/** Same key, same endpoint. */
const consistentHash = checked(consistentHashFields, consistentHashRule)
export type ConsistentHash = z.infer<typeof consistentHashFields>

const warmup = message({
  duration: required(duration, 'How long a new endpoint gets less than its share.'),
  minimumPercent: optional(double.min(0).max(100), 'Share a new endpoint starts with, in percent.', {
    default: '10',
    nullable: true,
  }),
  aggression: optional(double.min(0), 'Shape of the rise: 1 is a straight line, more rises faster at the start.', {
    default: '1',
    nullable: true,
  }),
})

const backendUtilization = message({
  errorUtilizationPenaltyPercent: optional(uint32, 'What errors add to the utilization of an endpoint, in percent.'),
  metricNamesForComputingUtilization: optional(strings, 'Names of reported metrics to use.'),
  weightExpirationPeriod: optional(durationOrZero, 'How long a report counts.', { default: '3m' }),
  weightStabilizationPeriod: optional(durationOrZero, 'How long the first reports of an endpoint are not trusted.', {
    default: '10s',
  }),
  weightUpdatePeriod: optional(durationOrZero, 'Time between two computations of weights.', { default: '1s' }),
})
export type BackendUtilization = z.infer<typeof backendUtilization>

const loadBalancerSettingsFields = message(
  {
    simple: optional(
      z.enum(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST']),
      'An algorithm without settings; LEAST_CONN is the old name of LEAST_REQUEST.',
      { default: 'LEAST_REQUEST' },
    ),
    consistentHash: optional(consistentHash, 'Same key, same endpoint.'),
    backendUtilization: optional(backendUtilization, 'Weights from the load endpoints report (ORCA).'),
    localityLbSetting: optional(
      localityLbSetting,
      'Which localities are preferred; overrides the setting of the mesh.',
    ),
    zoneAwareLbSetting: optional(
      zoneAwareLbSetting,
      "Prefer endpoints of the caller's zone as far as capacity allows.",
      {
        unsupported:
          'Envoy weighs the zones of a host against those of the service it stands beside, which only its bootstrap could name; use localityLbSetting',
      },
    ),
    warmupDurationSecs: optional(duration, 'How long a new endpoint gets less than its share.', {
      deprecated: 'use warmup',
    }),
    warmup: optional(warmup, 'Slow start of new endpoints, for ROUND_ROBIN and LEAST_REQUEST.'),
  },
  [['simple', 'consistentHash', 'backendUtilization']],
)

function loadBalancerRule(settings: LoadBalancerSettings, report: Report): void {
  if (settings.simple === 'LEAST_CONN')
    report(['simple'], 'LEAST_CONN is the old name of LEAST_REQUEST', {
      code: 'FIELD_DEPRECATED',
      hint: 'write LEAST_REQUEST',
    })
  if (settings.localityLbSetting && settings.zoneAwareLbSetting)
    report(['zoneAwareLbSetting'], 'only one of localityLbSetting and zoneAwareLbSetting can be set', {
      code: 'FIELD_CONFLICT',
    })
  if (settings.warmup?.aggression === 0) report(['warmup', 'aggression'], 'aggression must be greater than 0')
  const slow = settings.warmup ? 'warmup' : settings.warmupDurationSecs === undefined ? undefined : 'warmupDurationSecs'
  const supported = settings.simple === undefined || !['RANDOM', 'PASSTHROUGH'].includes(settings.simple)
  if (slow && (settings.consistentHash || !supported))
    report([slow], 'slow start works with ROUND_ROBIN and LEAST_REQUEST only', { code: 'FIELD_NO_EFFECT' })
}

/** How one endpoint of many is chosen. */
export const loadBalancerSettings = checked(loadBalancerSettingsFields, loadBalancerRule)
export type LoadBalancerSettings = z.infer<typeof loadBalancerSettingsFields>
