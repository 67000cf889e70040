import { type Check, place } from './world.ts'

/** Sidecars that `meshgate up` starts on this machine offer their HTTP proxy on one port: with SO_REUSEPORT they would share its connections in silence. */
export const checkSharedProxyPorts: Check = (world, complain) => {
  const [mesh] = world.of('Mesh')
  if (!mesh) return
  const owners = new Map<number, number>()
  for (const [index, { node, metadata = {} }] of (mesh.spec.proxies ?? []).entries()) {
    const type = typeof metadata['TYPE'] === 'string' ? metadata['TYPE'] : node.split('~')[0]
    if (type !== 'sidecar') continue
    const port = Number(metadata['HTTP_PROXY_PORT'] ?? mesh.spec.httpPort ?? 15_080)
    if (port === 0) continue
    const other = owners.get(port)
    if (other === undefined) owners.set(port, index)
    else
      complain(
        mesh,
        'PROXY_PORT_SHARED',
        ['spec', 'proxies', index],
        `the sidecar offers its HTTP proxy on port ${port} like the one at ${place(mesh, ['spec', 'proxies', other])}: callers reach either`,
      )
  }
}
