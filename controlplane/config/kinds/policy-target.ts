import * as z from 'zod'
import { message, optional, type Report, required, valid } from '../schema.ts'
import { text } from '../syntax/values.ts'
import { matchLabelsSelector } from './selectors.ts'

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

/** How security, telemetry and extension kinds say whom they are for. */
export const policyTarget = {
  selector: optional(matchLabelsSelector, 'Workloads of the namespace this is for; all when absent.'),
  targetRef: optional(policyTargetReference, 'Object this attaches to.', { deprecated: 'use targetRefs' }),
  targetRefs: optional(z.array(policyTargetReference).max(16), 'Objects this attaches to.'),
}

const TARGETS = new Set([
  '/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
])

type PolicyTargetReference = z.infer<typeof policyTargetReference>

interface Targets {
  readonly selector?: unknown
  readonly targetRef?: PolicyTargetReference | undefined
  readonly targetRefs?: readonly PolicyTargetReference[] | undefined
}

/** At most one way to choose, and only kinds of object that can carry a policy. */
export function policyTargetRule(spec: Targets, report: Report): void {
  const set = (['selector', 'targetRef', 'targetRefs'] as const).filter((field) => spec[field] !== undefined)
  if (set.length > 1)
    report([set[1]!], `only one of targetRefs or selector can be set, found ${set.join(' and ')}`, {
      code: 'FIELD_CONFLICT',
    })
  const references = [
    ...(spec.targetRef ? [[['targetRef'], spec.targetRef] as const] : []),
    ...(spec.targetRefs ?? []).map((reference, index) => [['targetRefs', index], reference] as const),
  ]
  for (const [path, { group = '', kind }] of references) {
    const name = `${group === 'core' ? '' : group}/${kind}`
    if (!TARGETS.has(name))
      report([...path, 'kind'], `${name} cannot be a target; targets are ${[...TARGETS].join(', ')}`)
  }
}
