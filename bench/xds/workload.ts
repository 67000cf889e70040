/** A mesh of one size, as the documents a user would have written. */
export interface Workload {
  readonly name: string
  readonly services: number
  /** Endpoints of a service by its number. */
  endpoints(service: number): number
  /** Whether proxies get clusters when they ask for them, or all at once. */
  /** Clusters come on demand. */
  readonly lazy: boolean
  /** Virtual hosts too. */
  readonly lazyVirtualHosts?: boolean
}

/** W1: 200 services × 5 endpoints. W2: 800 services with 2,000 endpoints together. IDLE: what nobody asks for costs. */
export const WORKLOADS = {
  w1: { name: 'w1', services: 200, endpoints: () => 5, lazy: false },
  w2: { name: 'w2', services: 800, endpoints: (service) => 2 + (service % 2), lazy: false },
  'w1-lazy': { name: 'w1-lazy', services: 200, endpoints: () => 5, lazy: true },
  'w2-lazy': { name: 'w2-lazy', services: 800, endpoints: (service) => 2 + (service % 2), lazy: true },
  'w1-hosts': { name: 'w1-hosts', services: 200, endpoints: () => 5, lazy: true, lazyVirtualHosts: true },
  'w2-hosts': {
    name: 'w2-hosts',
    services: 800,
    endpoints: (service) => 2 + (service % 2),
    lazy: true,
    lazyVirtualHosts: true,
  },
  idle: { name: 'idle', services: 5000, endpoints: () => 3, lazy: true },
} as const satisfies Readonly<Record<string, Workload>>

export type WorkloadName = keyof typeof WORKLOADS

/** The host of a service by its number. */
export function hostOf(service: number): string {
  return `s${String(service).padStart(4, '0')}.shop`
}

/** Changes in a row whose addresses all differ. */
const ADDRESSES = 2 ** 23

/** The address of a change, which a load client finds in the bytes of a response: `10.128.0.0` and on to `10.255.255.255`, then again. */
export function addressOf(change: number): string {
  const number = change % ADDRESSES
  return `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
}

/** The ServiceEntry of one service. Its first endpoint has the address of a change. */
export function serviceDocument({ endpoints }: Workload, service: number, change: number): string {
  const addresses = Array.from({ length: endpoints(service) }, (_, index) =>
    index === 0 ? addressOf(change) : `10.${index}.${(service >> 8) & 255}.${service & 255}`,
  )
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: service-${service}, namespace: shop}
spec:
  hosts: [${hostOf(service)}]
  ports: [{number: 8080, name: http, protocol: HTTP}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
${addresses.map((address) => `    - {address: ${address}, labels: {app: service-${service}}}`).join('\n')}
`
}

/** The VirtualService of service 0, which splits its requests: `weight` percent stay, the others go to service 1. */
export function routeDocument(weight: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: split, namespace: shop}
spec:
  hosts: [${hostOf(0)}]
  http:
    - route:
        - {destination: {host: ${hostOf(0)}, port: {number: 8080}}, weight: ${weight}}
        - {destination: {host: ${hostOf(1)}, port: {number: 8080}}, weight: ${100 - weight}}
`
}

/** An address that leaves goes at once: draining would make two pushes of each change, which the peer knows nothing of. */
const meshDocument = ({ lazy, lazyVirtualHosts = false }: Workload) => `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {drainTime: 0s, lazy: ${lazy}, lazyVirtualHosts: ${lazyVirtualHosts}}
`

/** All documents, by file. */
export function filesOf(workload: Workload): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (let service = 0; service < workload.services; service++)
    files.set(serviceFile(service), serviceDocument(workload, service, 0))
  files.set('mesh.yaml', meshDocument(workload))
  return files.set(ROUTE_FILE, routeDocument(50))
}

export const ROUTE_FILE = 'route.yaml'

/** The file a service is declared in. */
export function serviceFile(service: number): string {
  return `service-${String(service).padStart(4, '0')}.yaml`
}
