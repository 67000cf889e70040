import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import {
  anyAddressRule,
  templateLabelsRule,
  workloadEntryRule,
  workloadEntryShapeRule,
} from '../rules/service-entry.ts'
import { checked, message, optional } from '../schema.ts'
import { port, stringMap, text, uint32 } from '../syntax/values.ts'

const workloadEntryShape = {
  address: optional(
    text.max(256),
    'IP address, DNS name (with a DNS resolution) or unix:///absolute/path; may be left out when network is set.',
  ),
  ports: optional(z.record(z.string(), port), 'Port of this endpoint by name of the service port, where it differs.'),
  labels: optional(stringMap, 'Labels of the endpoint, for subsets and selectors.'),
  network: optional(text.max(2048), 'Network the endpoint is in; endpoints of one network reach each other directly.'),
  locality: optional(text.max(2048), 'Place as `region/zone/subzone`.'),
  weight: optional(uint32, 'Share of traffic among the endpoints of the service.', { default: '1' }),
  serviceAccount: optional(
    text.max(253),
    "Service account of the workload. Over TLS one of the accounts of a service's endpoints, as SPIFFE id, must stand in the server's certificate, unless a rule names others.",
  ),
}

const workloadEntryFields = message(workloadEntryShape)
export type WorkloadEntrySpec = z.infer<typeof workloadEntryFields>

/** What WorkloadGroups hold as a template: an endpoint whose address is not known yet. */
export const workloadTemplate = checked(checked(workloadEntryFields, workloadEntryShapeRule), templateLabelsRule)

/** One endpoint of a ServiceEntry; whether its address may be a name depends on the resolution. */
export const endpoint = checked(checked(workloadEntryFields, workloadEntryShapeRule), workloadEntryRule)

/** One endpoint: a virtual machine, a container, a process. */
const workloadEntrySpec = checked(endpoint, anyAddressRule)

export const workloadEntry: KindDefinition<WorkloadEntrySpec> = {
  kind: 'WorkloadEntry',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'One endpoint with its labels; ServiceEntries find it by a selector.',
  compiled: true,
  specRequired: true,
  schema: workloadEntrySpec,
}
