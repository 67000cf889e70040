import type { WorkloadEntrySpec } from '../kinds/workload-entry.ts'

type Labels = Readonly<Record<string, string>>

/** The label that names the network of a workload. */
export const NETWORK_LABEL = 'topology.istio.io/network'
/** Labels for the parts of a locality, `region/zone/subzone`, in this order. */
export const LOCALITY_LABELS = [
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
] as const

/** The locality of a workload as it says it, `region/zone/subzone`: in its field, else in the label `istio-locality`, with dots there. */
export function localityOf({ locality }: Pick<WorkloadEntrySpec, 'locality'>, labels: Labels): string {
  return locality || labels['istio-locality']?.replaceAll('.', '/') || ''
}

/**
 * Labels of a workload with those that say its place, by which subsets and priorities may choose without anybody writing them
 * (https://istio.io/latest/docs/reference/config/labels/). A locality wins over labels, a written label over the network.
 * @param locality `region/zone/subzone`, later parts optional
 */
export function withPlace(labels: Labels, locality: string, network = ''): Labels {
  if (locality === '' && network === '') return labels
  const all: Record<string, string> = { ...labels }
  for (const [index, part] of locality.split('/', LOCALITY_LABELS.length).entries())
    if (part !== '') all[LOCALITY_LABELS[index]!] = part
  if (network !== '' && !all[NETWORK_LABEL]) all[NETWORK_LABEL] = network
  return all
}

/** Labels of an endpoint as a ServiceEntry writes it, and of its place. */
export function endpointLabels(endpoint: WorkloadEntrySpec): Labels {
  const labels = endpoint.labels ?? {}
  return withPlace(labels, localityOf(endpoint, labels), endpoint.network)
}

const known = new WeakMap<object, Labels>()

/** Labels of a WorkloadEntry: of its spec, of its metadata, which win, and of its place. Entries are immutable: made once for each. */
export function workloadLabels(entry: { readonly labels: Labels; readonly spec: WorkloadEntrySpec }): Labels {
  let labels = known.get(entry)
  if (!labels) {
    labels = endpointLabels({ ...entry.spec, labels: { ...entry.spec.labels, ...entry.labels } })
    known.set(entry, labels)
  }
  return labels
}
