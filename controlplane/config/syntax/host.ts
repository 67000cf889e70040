/**
 * Host names as Istio's validation reads them: DNS-1123 labels of either case, wildcards in the first label only.
 * Functions answer undefined when the text is right, else what is wrong with it.
 */

const LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/
const WILDCARD_LABEL = /^(?:\*|(?:\*|\*-)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/
const MAX_LABEL = 63
const MAX_NAME = 255

type Problem = string | undefined

/** Whether the text is one DNS label (RFC 1123), at most 63 characters. */
export function isDnsLabel(text: string): boolean {
  return text.length <= MAX_LABEL && LABEL.test(text)
}

function isWildcardDnsLabel(text: string): boolean {
  return text.length <= MAX_LABEL && WILDCARD_LABEL.test(text)
}

/** Cut for messages, so that an absurd value does not fill a terminal. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}

function lengthProblem(name: string): Problem {
  if (name.length === 0) return 'an empty domain name is not allowed'
  return name.length > MAX_NAME ? `domain name ${shown(name)} is longer than ${MAX_NAME} characters` : undefined
}

function labelsProblem(domain: string): Problem {
  const labels = domain.split('.')
  const top = labels.at(-1)!
  if (/^[+-]?\d+$/.test(top)) return `domain name ${shown(domain)}: the last label ${shown(top)} must not be a number`
  for (const [index, label] of labels.entries()) {
    if (label === '' && index === labels.length - 1) return undefined
    if (!isDnsLabel(label)) return `domain name ${shown(domain)}: ${shown(label)} is no DNS label`
  }
  return undefined
}

/** A domain name without wildcard, such as `reviews` or `reviews.default.svc.cluster.local`. */
export function fqdnProblem(name: string): Problem {
  return lengthProblem(name) ?? labelsProblem(name)
}

/** A domain name whose first label may be or start with a wildcard: `*`, `*.example.com`, `*-api.example.com`. */
export function wildcardDomainProblem(name: string): Problem {
  const problem = lengthProblem(name)
  if (problem) return problem
  const dot = name.indexOf('.')
  const first = dot < 0 ? name : name.slice(0, dot)
  if (!isWildcardDnsLabel(first)) return `domain name ${shown(name)}: ${shown(first)} is no DNS label`
  return dot < 0 ? undefined : labelsProblem(name.slice(dot + 1))
}

/**
 * The same for a VirtualService of a gateway; with `sni` also the generated names `outbound_.<port>_.<subset>_.<host>`
 * that AUTO_PASSTHROUGH gateways route by.
 */
export function gatewayDomainProblem(name: string, sni: boolean): Problem {
  const problem = lengthProblem(name)
  if (problem) return problem
  if (!sni || !name.startsWith('outbound_')) return wildcardDomainProblem(name)
  const parts = name.split('_')
  const format = 'outbound_.<port>_.<subset>_.<host>'
  if (parts.length < 4) return `SNI name ${shown(name)} must have the form ${format}`
  if (!/\d/.test(parts[1]!)) return `SNI name ${shown(name)}: ${shown(parts[1]!)} is no port; the form is ${format}`
  if (!/[a-zA-Z]/.test(parts[3]!))
    return `SNI name ${shown(name)}: ${shown(parts[3]!)} is no host; the form is ${format}`
  return undefined
}

/** A wildcard inside a label, such as `*-api.example.com`, where only `*` or `*.example.com` has a meaning. */
export function partialWildcardProblem(name: string): Problem {
  return name.includes('*') && name.length !== 1 && !name.startsWith('*.')
    ? `partial wildcard ${shown(name)}: only * or *.example.com has a meaning here`
    : undefined
}

/** `[namespace/]host` of a Gateway server, or `namespace/host` of a Sidecar's egress. */
export function scopedHostProblems(
  text: string,
  where: 'gateway' | 'sidecar',
  isIp: (text: string) => boolean,
): string[] {
  const slash = text.indexOf('/')
  if (slash < 0) {
    return where === 'gateway'
      ? scopedNameProblems(text, where, isIp)
      : [`host ${shown(text)} must have the form namespace/host`]
  }
  const problems: string[] = []
  const namespace = text.slice(0, slash)
  const name = text.slice(slash + 1)
  if (namespace === '' || name === '')
    problems.push(`neither the namespace nor the host of ${shown(text)} may be empty`)
  const bare = where === 'sidecar' ? namespace.replace(/^~/, '') : namespace
  const special = bare === '*' || bare === '.' || (where === 'sidecar' && bare === '')
  if (namespace !== '' && !special && !isDnsLabel(bare)) problems.push(`${shown(namespace)} is no namespace`)
  if (name !== '') problems.push(...scopedNameProblems(name, where, isIp))
  return problems
}

function scopedNameProblems(name: string, where: 'gateway' | 'sidecar', isIp: (text: string) => boolean): string[] {
  const problems: string[] = []
  if (name !== '*' && !name.includes('.'))
    problems.push(`short name ${shown(name)} is not allowed, write the full host name`)
  const domain = wildcardDomainProblem(name)
  if (domain && !(where === 'gateway' && isIp(name))) problems.push(domain)
  const partial = partialWildcardProblem(name)
  if (partial) problems.push(partial)
  return problems
}

/** Whether a host stands for several: `*`, `*.example.com`. */
export function isWildcard(host: string): boolean {
  return host.startsWith('*')
}

/** Whether every name `inner` stands for is also one of `outer`. Comparison ignores case, as DNS does. */
export function isSubsetOf(inner: string, outer: string): boolean {
  const a = inner.toLowerCase()
  const b = outer.toLowerCase()
  if (!isWildcard(b)) return a === b
  if (isWildcard(a)) return a.length >= b.length && a.slice(1).endsWith(b.slice(1))
  return a.endsWith(b.slice(1))
}

/** Whether two hosts, each possibly a wildcard, have a name in common. */
export function hostsOverlap(a: string, b: string): boolean {
  return isSubsetOf(a, b) || isSubsetOf(b, a)
}

/**
 * Overlapping hosts of a list, each later index with an earlier one that has a name in common with it.
 * Takes time proportional to the length of the list times the number of different wildcard lengths in it.
 */
export function overlappingHosts(hosts: readonly string[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  const first = new Map<string, number>()
  const wildcards = new Map<string, number>()
  const names = hosts.map((host) => host.slice(0, MAX_NAME).toLowerCase())
  for (const [index, name] of names.entries()) {
    const earlier = first.get(name)
    if (earlier !== undefined) found.set(index, earlier)
    else {
      first.set(name, index)
      if (isWildcard(name)) wildcards.set(name.slice(1), index)
    }
  }
  const lengths = [...new Set([...wildcards.keys()].map((suffix) => suffix.length))]
  for (const [index, name] of names.entries()) {
    const body = isWildcard(name) ? name.slice(1) : name
    for (const length of lengths) {
      if (length > body.length) continue
      const other = wildcards.get(body.slice(body.length - length))
      if (other === undefined || other === index || names[other] === name) continue
      const later = Math.max(index, other)
      if (!found.has(later)) found.set(later, Math.min(index, other))
    }
  }
  return found
}
