import type { Proxy as MeshProxy, ProxyType } from '../api/schema.ts'
import type { SyncState } from '../parts/status.tsx'

/** Types by the short names Envoy's people say, and what they are called in an answer; the list shows the first four. */
export const TYPES = [
  ['lds', 'listeners'],
  ['rds', 'routes'],
  ['cds', 'clusters'],
  ['eds', 'endpoints'],
  ['sds', 'secrets'],
  ['vhds', 'virtualHosts'],
  ['pds', 'protocols'],
  ['mrds', 'messageRoutes'],
  ['mlds', 'messageListeners'],
] as const

/** The state of a proxy as people see it: one that is not connected is gone, whatever it had. */
export function stateOf({ connected, state }: MeshProxy): SyncState {
  return connected ? state : 'gone'
}

/** What a proxy has of a type; undefined where it never asked for it. */
export function typeOf({ types }: MeshProxy, type: string): ProxyType | undefined {
  return types.find((one) => one.type === type)
}

/** What about a proxy is not as it should be, in the words of the control plane. */
export function noticesOf({ notices = [], onDemand }: MeshProxy): readonly string[] {
  return [...notices, ...(onDemand?.notices ?? [])]
}

/** `sidecar~10.0.0.1~shop.default~default.svc.cluster.local` in its parts. */
export function nodeParts(node: string): { readonly role: string; readonly workload: string; readonly ip: string } {
  const [role = '', ip = '', workload = ''] = node.split('~')
  return workload ? { role, ip, workload } : { role: '', ip: '', workload: node }
}
