export interface NodeIdParts {
  /** Role and address, `sidecar~10.0.0.1~`. */
  readonly before: string
  /** What replicas have in common, `shop`. */
  readonly stem: string
  /** What tells them apart, and the namespace, `-7f9c8d6b5-ax2kq.default`. */
  readonly replica: string
  /** `~default.svc.cluster.local` */
  readonly behind: string
}

/** The parts of a node id; together they are the id. One of another form is all stem. */
export function cutNodeId(node: string): NodeIdParts {
  const [, before = '', workload = node, behind = ''] = /^([^~]*~[^~]*~)([^~]+)(~.*)$/.exec(node) ?? []
  const [replica] = /(?:-[^-.]+){1,2}\.[^.]*$/.exec(workload) ?? ['']
  return { before, stem: workload.slice(0, workload.length - replica.length), replica, behind }
}
