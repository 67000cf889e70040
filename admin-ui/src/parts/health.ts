import { isFailing } from './traffic-text.ts'

/** How requests do: nobody tells of any; hardly any fails; some do; many do. */
export type Health = 'idle' | 'healthy' | 'degraded' | 'failing'

/** Many: from this share of failed requests on. */
const FAILING = 0.1

/** What to say of so many requests. */
export function healthOf(traffic: { readonly requests: number; readonly failed: number } | undefined): Health {
  if (!traffic || traffic.requests + traffic.failed === 0) return 'idle'
  if (!isFailing(traffic)) return 'healthy'
  return traffic.failed >= traffic.requests * FAILING ? 'failing' : 'degraded'
}
