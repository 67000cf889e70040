/** How many proxies of which kind are hit; the kind is the first part of a node's id (`sidecar~…`, `router~…`). */
export function blastRadius(nodes: readonly string[]): {
  readonly sidecars: number
  readonly gateways: number
  readonly others: number
  readonly total: number
} {
  const count = (kind: string) => nodes.filter((node) => node.startsWith(`${kind}~`)).length
  const [sidecars, gateways] = [count('sidecar'), count('router')]
  return { sidecars, gateways, others: nodes.length - sidecars - gateways, total: nodes.length }
}

/** The names a person must type before a dangerous change goes out: of the objects it deletes, breaks or cuts off. */
export function dangerousNames(
  meaning: readonly { readonly object: string; readonly danger: boolean }[],
): readonly string[] {
  return [...new Set(meaning.filter(({ danger }) => danger).map(({ object }) => object.split('/').at(-1)!))]
}

/** `reviews.default.svc.cluster.local` is in default; other hosts are found by themselves. */
export function namespaceOf(host: string): string {
  const [, namespace, svc] = host.split('.')
  return svc === 'svc' && namespace ? namespace : 'default'
}
