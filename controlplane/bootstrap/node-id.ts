/** Istio's node id, `<type>~<ip>~<name>.<namespace>~<domain>`, in its parts. */
export interface NodeIdParts {
  readonly type: string
  readonly ip: string
  readonly name: string
  readonly namespace: string
  readonly domain: string
}

/** The parts of an id of Istio's form; undefined for any other id, which is as good. Without a namespace the domain tells it. */
export function parseNodeId(id: string): NodeIdParts | undefined {
  const parts = id.split('~')
  if (parts.length !== 4) return undefined
  const [type, ip, workload, domain] = parts as [string, string, string, string]
  const dot = workload.lastIndexOf('.')
  const [name, namespace] =
    dot < 0 ? [workload, domain.split('.', 1)[0]!] : [workload.slice(0, dot), workload.slice(dot + 1)]
  return { type, ip, name, namespace, domain }
}

/** Envoy insists on a cluster name beside the id: the workload (`name.namespace`) where the id tells it, else the id. */
export function defaultCluster(id: string): string {
  const parts = parseNodeId(id)
  return parts ? `${parts.name}.${parts.namespace}` : id
}
