import * as z from 'zod'
import { destinationRule } from '../rules/destination.ts'
import { localityRule, zoneAwareRule } from '../rules/locality.ts'
import { selectorLabels } from '../rules/selector.ts'
import { checked, message, optional, required, valid } from '../schema.ts'
import { stringMap, strings, text, uint32 } from '../syntax/values.ts'

const workloadSelectorFields = message({
  labels: optional(stringMap, 'Labels a workload must have, all of them.'),
})
/** Chooses workloads by equal labels (networking kinds). */
export const workloadSelector = checked(workloadSelectorFields, ({ labels }, report) =>
  selectorLabels(labels, 'labels', report),
)

const matchLabelsSelectorFields = message({
  matchLabels: optional(stringMap, 'Labels a workload must have, all of them.'),
})
/** Chooses workloads by equal labels (security, telemetry and extension kinds, and DestinationRule). */
export const matchLabelsSelector = checked(matchLabelsSelectorFields, ({ matchLabels }, report) =>
  selectorLabels(matchLabels, 'matchLabels', report),
)

/** A port of a destination, by number. */
export const portSelector = message({
  number: optional(uint32, 'Port number.'),
})

const destinationFields = message({
  host: required(
    text,
    'Service to send to: a host of the registry, or a short name in the namespace of this document.',
  ),
  subset: optional(text, 'Name of a subset that a DestinationRule of the host declares.'),
  port: optional(portSelector, 'Port of the service; may be left out when it has only one.'),
})
/** Where traffic goes: a service, or a part of it. */
export const destination = checked(destinationFields, destinationRule)
export type Destination = z.infer<typeof destinationFields>

/** A condition on a string. */
export const stringMatch = message(
  {
    exact: optional(text, 'The value, exactly.'),
    prefix: optional(text, 'What the value starts with.'),
    regex: optional(text, 'An RE2 expression the whole value must match.'),
  },
  [['exact', 'prefix', 'regex']],
)
export type StringMatch = z.infer<typeof stringMatch>

export const percent = message({
  value: optional(z.number().meta({ format: 'double' }), 'Percentage from 0 to 100; fractions are allowed.'),
})

export const exportTo = optional(
  strings,
  'Namespaces that see this document: `.` its own, `*` all, `~` none, or names.',
  { default: '["*"], or what the Mesh document says' },
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
  failover: optional(
    z.array(
      message({
        from: optional(text, 'Region whose endpoints fail.'),
        to: optional(text, 'Region that takes over.'),
      }),
    ),
    'Region that takes over when the endpoints of a region are unhealthy.',
  ),
  failoverPriority: optional(
    strings,
    'Labels (`key` or `key=value`) compared with the caller in this order; the more equal, the higher the priority.',
  ),
  enabled: optional(z.boolean(), 'Turns locality load balancing on or off for this host.', { nullable: true }),
})
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
  failover: optional(
    z.array(
      message({
        from: optional(text, 'Region whose endpoints fail.'),
        to: optional(text, 'Region that takes over.'),
      }),
    ),
    'Region that takes over when the endpoints of a region are unhealthy.',
  ),
  failoverPriority: optional(strings, 'Labels compared with the caller in this order to form priorities.'),
})
/** Prefer endpoints of the caller's zone. */
export const zoneAwareLbSetting = checked(zoneAwareLbSettingFields, zoneAwareRule)
export type ZoneAwareLbSetting = z.infer<typeof zoneAwareLbSettingFields>

/** Names an object of Kubernetes that a policy attaches to. */
export const policyTargetReference = message({
  group: optional(
    text.max(253).regex(/^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/),
    'API group of the target; empty is the core group.',
  ),
  kind: required(
    text
      .min(1)
      .max(63)
      .regex(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/),
    'Kind of the target.',
  ),
  name: required(text.min(1).max(253), 'Name of the target.'),
  namespace: optional(
    valid(text, (value) => (value === '' ? undefined : 'cross namespace referencing is not currently supported')),
    'Must stay empty: a target is in the namespace of the policy.',
  ),
})
export type PolicyTargetReference = z.infer<typeof policyTargetReference>
