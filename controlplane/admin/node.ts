import { defaultCluster } from '../bootstrap/node-id.ts'
import type { NodeInfo } from '../xds/resource.ts'

export interface NodeQuestion {
  readonly id: string
  readonly cluster?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string } | undefined
}

/** A node as if it had connected from this machine: for questions about proxies that need not exist. */
export function nodeOf({ id, cluster, metadata = {}, locality }: NodeQuestion): NodeInfo {
  const { region = '', zone = '', subZone = '' } = locality ?? {}
  return {
    id,
    cluster: cluster ?? defaultCluster(id),
    metadata,
    locality: { region, zone, subZone },
    userAgent: '',
    protocol: 'delta',
    secretsAllowed: true,
  }
}
