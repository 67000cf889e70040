/** Protocol names of ports as Istio knows them, without regard to case. */
const PROTOCOLS = {
  http: 'http',
  http_proxy: 'http',
  http2: 'http',
  grpc: 'http',
  'grpc-web': 'http',
  https: 'tls',
  tls: 'tls',
  tcp: 'tcp',
  mongo: 'tcp',
  redis: 'tcp',
  mysql: 'tcp',
  udp: 'udp',
} as const

export type ProtocolClass = (typeof PROTOCOLS)[keyof typeof PROTOCOLS]

/** What a port protocol is at heart: http, tls (routed by SNI), tcp or udp; undefined for an unknown name. */
export function protocolClass(name: string): ProtocolClass | undefined {
  const lower = name.toLowerCase()
  return Object.hasOwn(PROTOCOLS, lower) ? PROTOCOLS[lower as keyof typeof PROTOCOLS] : undefined
}

/** What a port is at heart, by its `protocol`, else by its name up to a dash; TCP where neither says anything that is known. */
export function portClass(protocol: string | undefined, name: string): ProtocolClass {
  return protocolClass(protocol || (name.toLowerCase().match(/^(grpc-web|[a-z0-9]+)/)?.[0] ?? '')) ?? 'tcp'
}

export const PROTOCOL_NAMES: readonly string[] = Object.keys(PROTOCOLS).map((name) => name.toUpperCase())

/** Empty means "find out by looking at the bytes", which is allowed where a protocol is optional. */
export function protocolProblem(name: string): string | undefined {
  return name === '' || protocolClass(name) !== undefined
    ? undefined
    : `unsupported protocol ${JSON.stringify(name.slice(0, 80))}, known are ${PROTOCOL_NAMES.join(', ')}`
}
