/** Hosts of rules: exact names, `*.suffix` and `*`. All comparisons expect lower case, as DNS names are. */

/**
 * Whether a name, itself possibly a wildcard, lies within a host pattern: `*.a.b` holds `x.a.b` and `*.x.a.b`. Documents are checked by
 * `isSubsetOf` (config/syntax/host.ts), which takes any case; here names are in lower case, and many are asked for.
 */
export function hostWithin(name: string, pattern: string): boolean {
  if (pattern === '*' || pattern === name) return true
  return pattern.startsWith('*') && name.length >= pattern.length && name.endsWith(pattern.slice(1))
}

/** Whether two hosts can mean the same name. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostWithin(a, b) || hostWithin(b, a)
}

/** The narrower of two overlapping hosts, or undefined when they do not overlap. */
export function hostIntersection(a: string, b: string): string | undefined {
  if (hostWithin(a, b)) return a
  return hostWithin(b, a) ? b : undefined
}

/** Sorts the most specific host first: exact before wildcard, longer before shorter, then by name. */
export function compareSpecificity(a: string, b: string): number {
  const wild = Number(a.startsWith('*')) - Number(b.startsWith('*'))
  return wild || b.length - a.length || (a < b ? -1 : a > b ? 1 : 0)
}

/** A host of a rule as a full name: no dot (and no colon: IPv6) means a short name in the rule's namespace, as in Istio. */
export function expandShortName(host: string, namespace: string, domain: string): string {
  return /[.:]/.test(host) || host === '*' ? host.toLowerCase() : `${host}.${namespace}.svc.${domain}`.toLowerCase()
}

/** Whether `exportTo` (already with defaults) lets a namespace see something declared in `owner`. */
export function exportedTo(exportTo: readonly string[], owner: string, viewer: string): boolean {
  return exportTo.some((to) => to === '*' || to === viewer || (to === '.' && owner === viewer))
}

/** One entry of a Sidecar's egress hosts or a Gateway server's hosts: `<namespace>/<host>`. */
export interface ScopedHost {
  /** A namespace, or `*` for any. */
  readonly namespace: string
  readonly host: string
  /** What of it is taken out again. Absent: nothing. */
  readonly except?: readonly ScopedHost[]
}

/** Reads `ns/host`; `.` is `own`, and no namespace at all means any. */
export function parseScopedHost(text: string, own: string): ScopedHost {
  const slash = text.indexOf('/')
  if (slash < 0) return { namespace: '*', host: text.toLowerCase() }
  const namespace = text.slice(0, slash)
  return { namespace: namespace === '.' ? own : namespace || '*', host: text.slice(slash + 1).toLowerCase() }
}

/** Whether something of a namespace under a host is within one of the scoped hosts. */
export function inScopedHosts(hosts: readonly ScopedHost[], namespace: string, host: string): boolean {
  return hosts.some(
    (scoped) => ofNamespace(scoped, namespace) && hostWithin(host, scoped.host) && !isExcepted(scoped, namespace, host),
  )
}

/** Whether something of a namespace under a host, itself possibly a wildcard, has to do with one of the scoped hosts. */
export function overlapsScopedHosts(hosts: readonly ScopedHost[], namespace: string, host: string): boolean {
  return hosts.some(
    (scoped) =>
      ofNamespace(scoped, namespace) && hostsOverlap(host, scoped.host) && !isExcepted(scoped, namespace, host),
  )
}

function ofNamespace(scoped: ScopedHost, namespace: string): boolean {
  return scoped.namespace === '*' || scoped.namespace === namespace
}

function isExcepted({ except }: ScopedHost, namespace: string, host: string): boolean {
  return except !== undefined && inScopedHosts(except, namespace, host)
}
