import type { WorkloadEntrySpec } from '../config/kinds/workload-entry.ts'
import { workloadLabels } from '../config/syntax/place-labels.ts'
import { type Cell, cells, sameItems } from './cells.ts'
import { matchesLabels } from './endpoints.ts'
import type { Service } from './service.ts'
import { type Registry, serviceKey } from './services.ts'
import type { MeshSettings } from './settings.ts'
import type { World } from './world.ts'

/**
 * Names that the servers of a service may have in their certificates: `subjectAltNames` of the service, then the identities of its
 * endpoints' service accounts, `spiffe://<trust domain>/ns/<namespace>/sa/<account>`
 * (https://istio.io/latest/docs/reference/config/networking/service-entry/). Empty: nothing is known of them. Reads are tracked;
 * a new endpoint changes nothing for who reads this unless its account is new.
 */
export function createServerNames(
  world: World,
  registry: Registry,
  settings: Cell<MeshSettings>,
): (service: Service) => readonly string[] {
  const family = cells<readonly string[]>(
    (key) => {
      const service = registry.current(key)
      if (!service) return []
      const { trustDomain } = settings()
      const accounts = registry.entries(service).flatMap((entry) => {
        const { endpoints = [], workloadSelector } = entry.spec
        const workloads: readonly WorkloadEntrySpec[] = workloadSelector
          ? world
              .inNamespace<WorkloadEntrySpec>('WorkloadEntry', entry.namespace)
              .filter((one) => workloadSelector.labels && matchesLabels(workloadSelector.labels, workloadLabels(one)))
              .map(({ spec }) => spec)
          : endpoints
        return workloads.flatMap(({ serviceAccount }) =>
          serviceAccount ? [`spiffe://${trustDomain}/ns/${entry.namespace}/sa/${serviceAccount}`] : [],
        )
      })
      return [...new Set([...service.subjectAltNames, ...accounts.sort()])]
    },
    sameItems,
    { lasting: registry.declared },
  )
  return (service) => family(serviceKey(service.hostname, service.namespace))
}
