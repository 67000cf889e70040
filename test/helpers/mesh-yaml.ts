/**
 * Documents of small meshes, in namespace default, as YAML text. Each begins with `---`, so that texts can be put behind one another.
 * What a test is about it writes out itself; this is for what has to be there besides.
 */

type Labels = Readonly<Record<string, string>>
/** Where a service runs; `host` is an address, default 127.0.0.1, labels are what subsets find it by. An upstream is one. */
export interface Place {
  readonly host?: string
  readonly port: number
  readonly labels?: Labels
  readonly locality?: string
}

const HTTP = '{number: 80, name: http, protocol: HTTP}'
const LOCAL = '.default.svc.cluster.local'

/** An upstream as the place of a version. */
export function asVersion({ host = '127.0.0.1', port }: Place, version: string): Place {
  return { host, port, labels: { version } }
}

/** A ServiceEntry. A host without dots is one of namespace default; `ports` in flow YAML: the places are where the first of them leads. */
export function serviceAt(host: string, places: readonly Place[], ports = HTTP): string {
  const [, first] = /name: ([\w-]+)/.exec(ports)!
  const endpoints = places.map(({ host: address = '127.0.0.1', port, labels = {}, locality }) =>
    JSON.stringify({ address, ports: { [first!]: port }, labels, locality }),
  )
  return `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${nameOf(host)}}
spec:
  hosts: ["${fullName(host)}"]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [${ports}]
  endpoints: [${endpoints.join(', ')}]
`
}

/** A DestinationRule with a subset for each version; `spec` are further fields of it, one a line. */
export function versionsOf(host: string, versions: readonly string[], spec = ''): string {
  const subsets = versions.map((version) => `{name: ${version}, labels: {version: ${version}}}`)
  return `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${nameOf(host)}}
spec:
  host: ${host}
  subsets: [${subsets.join(', ')}]
${indented(spec)}`
}

/** A VirtualService with one route, whose requests are shared out to versions by weight. */
export function splitOf(host: string, weights: Readonly<Record<string, number>>): string {
  const shares = Object.entries(weights).map(
    ([subset, weight]) => `{destination: {host: ${host}, subset: ${subset}}, weight: ${weight}}`,
  )
  return rulesFor(host, `- route: [${shares.join(', ')}]`, '', nameOf(host))
}

/** A VirtualService of one or more hosts; `http` is its list of rules, `spec` are further fields, one a line. */
export function rulesFor(
  hosts: string,
  http: string,
  spec = '',
  name = `${nameOf(hosts.split(',')[0]!)}-rules`,
): string {
  return `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  hosts: [${hosts}]
${indented(spec)}  http:
${indented(http, 2)}`
}

/** The settings of the mesh; `spec` in flow YAML, without braces. */
export function meshSettings(spec: string): string {
  return `---\napiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {${spec}}\n`
}

function nameOf(host: string): string {
  return (host.endsWith(LOCAL) ? host.slice(0, -LOCAL.length) : host)
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}

function fullName(host: string): string {
  return host.includes('.') ? host : host + LOCAL
}

function indented(text: string, levels = 1): string {
  const lines = text.replace(/^\n+|\s+$/g, '')
  return lines === '' ? '' : `${lines.replace(/^(?=.)/gm, '  '.repeat(levels))}\n`
}
