import type { MeshSpec } from '../kinds/mesh.ts'
import type { Report } from '../schema.ts'
import { exportToProblems } from '../syntax/export-to.ts'
import { fqdnProblem, isDnsLabel, shown } from '../syntax/host.ts'

const EXPORT_FIELDS = [
  'defaultServiceExportTo',
  'defaultVirtualServiceExportTo',
  'defaultDestinationRuleExportTo',
] as const

function unique<T>(
  items: readonly T[],
  of: (item: T) => string | number | undefined,
  report: (index: number, earlier: number) => void,
): void {
  const seen = new Map<string | number, number>()
  for (const [index, item] of items.entries()) {
    const value = of(item)
    if (value === undefined) continue
    const earlier = seen.get(value)
    if (earlier !== undefined) report(index, earlier)
    else seen.set(value, index)
  }
}

export function meshRule(spec: MeshSpec, report: Report): void {
  for (const field of ['rootNamespace', 'defaultNamespace'] as const) {
    const value = spec[field]
    if (value !== undefined && !isDnsLabel(value)) report([field], `${shown(value)} is no namespace`)
  }
  const domain = spec.domain === undefined ? undefined : fqdnProblem(spec.domain)
  if (domain) report(['domain'], domain)
  for (const field of EXPORT_FIELDS) {
    // There is no own namespace here: `.` stands for that of each document.
    for (const { index, message } of exportToProblems(spec[field] ?? [], '.', {
      service: field === 'defaultServiceExportTo',
    }))
      report([field, ...(index < 0 ? [] : [index])], message)
  }
  const { proxies = [], processes = [] } = spec
  unique(
    proxies,
    ({ node }) => node,
    (index, earlier) => report(['proxies', index, 'node'], `the node id is used by proxies[${earlier}] too`),
  )
  unique(
    proxies,
    ({ adminPort }) => adminPort || undefined,
    (index, earlier) => report(['proxies', index, 'adminPort'], `the port is used by proxies[${earlier}] too`),
  )
  unique(
    processes,
    ({ name }) => name,
    (index, earlier) => report(['processes', index, 'name'], `the name is used by processes[${earlier}] too`),
  )
}
