import * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { shown } from '../../syntax/host.ts'
import { strings, text, uint32 } from '../../syntax/values.ts'

const failover = optional(
  z.array(
    message({
      from: optional(text, 'Region whose endpoints fail.'),
      to: optional(text, 'Region that takes over.'),
    }),
  ),
  'Region that takes over when the endpoints of a region are unhealthy.',
)

const localityLbSettingFields = message({
  distribute: optional(
    z.array(
      message({
        from: optional(text, 'Locality of the caller, `region/zone/subzone`; `*` may end it.'),
        to: optional(
          z.record(z.string(), uint32),
          'Locality of endpoints to the percentage of traffic it gets; the sum is 100.',
        ),
      }),
    ),
    'Fixed shares of traffic per locality of the caller.',
  ),
  failover,
  failoverPriority: optional(
    strings,
    'Labels (`key` or `key=value`) compared with the caller in this order; the more equal, the higher the priority.',
  ),
  enabled: optional(z.boolean(), 'Turns locality load balancing on or off for this host.', { nullable: true }),
})

const TOPOLOGY = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone']

type Failovers = NonNullable<LocalityLbSetting['failover']>

function failoverRule(failover: Failovers, report: Report): void {
  for (const [index, { from = '', to = '' }] of failover.entries()) {
    if (from === to) report(['failover', index, 'to'], 'failover must lead to another region')
    if (from.includes('/')) report(['failover', index, 'from'], 'failover names regions only, no zones')
    if (to.includes('/')) report(['failover', index, 'to'], 'failover names regions only, no zones')
    if (from.includes('*')) report(['failover', index, 'from'], 'a region of failover must not contain a wildcard')
    if (to.includes('*')) report(['failover', index, 'to'], 'a region of failover must not contain a wildcard')
  }
}

function overlaps(places: readonly string[], report: (place: string, message: string, index: number) => void): void {
  const seen = new Set<string>()
  const parents = new Set<string>()
  for (const [index, place] of places.entries()) {
    const stars = place.split('*').length - 1
    const parts = place.split('/', 3)
    if (stars > 1 || (stars === 1 && !place.endsWith('*'))) {
      report(place, `locality ${shown(place)}: one wildcard is allowed, at the end`, index)
      continue
    }
    if (parts.includes('')) {
      report(place, `locality ${shown(place)} has an empty region, zone or subzone`, index)
      continue
    }
    // A trailing /* says the same as leaving the part out, and `*` covers every place.
    while (parts.at(-1) === '*') parts.pop()
    const name = parts.join('/')
    const ancestors = parts.map((_, depth) => parts.slice(0, depth).join('/'))
    if (seen.has(name) || parents.has(name) || ancestors.some((ancestor) => seen.has(ancestor)))
      report(place, `locality ${shown(place)} overlaps with an earlier one`, index)
    seen.add(name)
    for (const ancestor of ancestors) parents.add(ancestor)
  }
}

/** Locality load balancing: shares sum to 100, places do not overlap, failover names regions. */
function localityRule(setting: LocalityLbSetting, report: Report): void {
  const { distribute = [], failover = [], failoverPriority = [] } = setting
  if (distribute.length > 0 && failover.length > 0) {
    report(['failover'], 'distribute and failover exclude each other', { code: 'FIELD_CONFLICT' })
    return
  }
  if (failover.length > 0) {
    for (const [index, label] of failoverPriority.entries())
      if (TOPOLOGY.includes(label))
        report(['failoverPriority', index], `topology label ${label} and failover exclude each other`, {
          code: 'FIELD_CONFLICT',
        })
  }
  for (const [index, { to = {} }] of distribute.entries()) {
    let sum = 0
    for (const [place, share] of Object.entries(to)) {
      sum += share
      if (share < 1 || share > 100)
        report(['distribute', index, 'to', place], `a share is 1 to 100 percent, not ${share}`)
    }
    if (sum !== 100) report(['distribute', index, 'to'], `the shares sum to ${sum}, not to 100`)
    overlaps(Object.keys(to), (place, message) => report(['distribute', index, 'to', place], message))
  }
  overlaps(
    distribute.map(({ from = '' }) => from),
    (_, message, index) => report(['distribute', index, 'from'], message),
  )
  failoverRule(failover, report)
}

/** One entry per string set in a locality failover list. */
export const localityLbSetting = checked(localityLbSettingFields, localityRule)
export type LocalityLbSetting = z.infer<typeof localityLbSettingFields>

const zoneAwareLbSettingFields = message({
  enabled: optional(z.boolean(), 'Turns zone-aware routing on or off for this host.', { nullable: true }),
  minClusterSize: optional(
    z.number().int().min(1).meta({ format: 'uint64' }),
    'Fewest endpoints for which zone-aware routing is used.',
    {
      nullable: true,
      default: '6',
    },
  ),
  failover,
  failoverPriority: optional(strings, 'Labels compared with the caller in this order to form priorities.'),
})

/** The same for zone-aware load balancing, where Envoy itself orders zones within a region. */
function zoneAwareRule(setting: ZoneAwareLbSetting, report: Report): void {
  for (const [index, label] of (setting.failoverPriority ?? []).entries())
    if (TOPOLOGY.includes(label))
      report(
        ['failoverPriority', index],
        `topology label ${label} has no place here: Envoy orders region and zone by itself`,
      )
  failoverRule(setting.failover ?? [], report)
}

/** Prefer endpoints of the caller's zone. */
export const zoneAwareLbSetting = checked(zoneAwareLbSettingFields, zoneAwareRule)
type ZoneAwareLbSetting = z.infer<typeof zoneAwareLbSettingFields>
