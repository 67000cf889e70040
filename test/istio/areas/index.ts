import type { Area } from '../area.ts'

/** What can be compared, by name. */
export const AREAS: Readonly<Record<string, () => Promise<Area>>> = {
  clusters: async () => (await import('./clusters.ts')).clusters,
  routes: async () => (await import('./routes.ts')).routes as unknown as Area,
  tls: async () => (await import('./tls.ts')).tls as unknown as Area,
}
