/** Where something listens: a name or an address without brackets, and a TCP port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:18000`, `[::1]:18000` or `control-plane:18000`: as people write an address, and URLs and gRPC targets take it. */
export function hostAndPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
