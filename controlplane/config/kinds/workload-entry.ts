import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, type Report } from '../schema.ts'
import { isIpAddress, UNIX_PREFIX, unixPathProblem } from '../syntax/address.ts'
import { fqdnProblem, shown } from '../syntax/host.ts'
import { labelProblems } from '../syntax/label.ts'
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

const PORT_NAME = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/

/** Shape of an endpoint, wherever it stands. */
function workloadEntryShapeRule(entry: WorkloadEntrySpec, report: Report): void {
  const { address, ports } = entry
  if (address?.startsWith(UNIX_PREFIX)) {
    const problem = unixPathProblem(address.slice(UNIX_PREFIX.length))
    if (problem) report(['address'], problem)
    if (ports) report(['ports'], 'UDS may not include ports')
  }
  for (const name of Object.keys(ports ?? {}))
    if (name.length >= 63 || !PORT_NAME.test(name))
      report(['ports', name], `port name must be valid, ${shown(name)} is not`)
  const labels = Object.keys(entry.labels ?? {})
  if (labels.length > 256) report(['labels'], 'an endpoint has at most 256 labels')
}

/** Labels of a template are checked by Kubernetes when a workload takes them, not by Istio. */
function templateLabelsRule({ labels = {} }: WorkloadEntrySpec, report: Report): void {
  for (const { key, message } of labelProblems(labels)) report(['labels', key], message, { code: 'FIELD_QUESTIONABLE' })
}

/** What WorkloadGroups hold as a template: an endpoint whose address is not known yet. */
export const workloadTemplate = checked(checked(workloadEntryFields, workloadEntryShapeRule), templateLabelsRule)

/** An endpoint that needs an address: all but the template of a WorkloadGroup. */
function workloadEntryRule(entry: WorkloadEntrySpec, report: Report): void {
  const { address, network, labels = {} } = entry
  for (const { key, message } of labelProblems(labels)) report(['labels', key], message)
  if (!address && !network)
    report(['address'], 'Address is required, unless a network is named', { code: 'FIELD_REQUIRED' })
  else if (!address)
    report([], `the address is unset, only network ${network} is known`, { code: 'FIELD_QUESTIONABLE' })
}

/** One endpoint of a ServiceEntry; whether its address may be a name depends on the resolution. */
export const endpoint = checked(checked(workloadEntryFields, workloadEntryShapeRule), workloadEntryRule)

/** An address that may be an IP address or a DNS name, or a UNIX domain socket. */
function anyAddressRule(entry: WorkloadEntrySpec, report: Report): void {
  const { address } = entry
  if (!address || address.startsWith(UNIX_PREFIX) || isIpAddress(address)) return
  if (fqdnProblem(address)) report(['address'], `${shown(address)} is neither an IP address nor a host name`)
}

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
