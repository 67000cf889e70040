import * as z from 'zod'
import { optional, type Report } from '../schema.ts'
import { matchLabelsSelector, type PolicyTargetReference, policyTargetReference } from './common.ts'

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
