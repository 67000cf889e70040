/** Istio's node id, `<type>~<ip>~<name>.<namespace>~<domain>`, in its parts. */
export interface NodeIdParts {
  readonly type: string
  readonly ip: string
  readonly name: string
  readonly namespace: string
  readonly domain: string
}

/** The parts of an id of Istio's form; undefined for any other id, which is as good. */
export function parseNodeId(id: string): NodeIdParts | undefined {
  const match = /^([a-z]+)~([^~]*)~([^~.]+)\.([^~]+)~([^~]*)$/.exec(id)
  if (!match) return undefined
  const [, type, ip, name, namespace, domain] = match
  return { type: type!, ip: ip!, name: name!, namespace: namespace!, domain: domain! }
}

/** Envoy insists on a cluster name beside the id: the workload (`name.namespace`) where the id tells it, else the id. */
export function defaultCluster(id: string): string {
  const parts = parseNodeId(id)
  return parts ? `${parts.name}.${parts.namespace}` : id
}
