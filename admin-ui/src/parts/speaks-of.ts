import type { Rule } from '../api/schema.ts'

/** Whether a rule names a service as one of its hosts, in full or by its short name. */
export function speaksOf({ namespace, hosts }: Pick<Rule, 'namespace' | 'hosts'>, hostname: string): boolean {
  return hosts.some(
    (host) => host === hostname || (!host.includes('.') && hostname.startsWith(`${host}.${namespace}.svc.`)),
  )
}
