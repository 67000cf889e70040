import type { Scope } from '../../model/scope.ts'

/** For whom and where rules are compiled. */
export interface RouteContext {
  readonly scope: Scope
  /** Whose rules apply: `mesh`, or `<namespace>/<name>` of a gateway. */
  readonly gateway: string
  /** Port the request is for: the service's in the mesh, the server's at a gateway. */
  readonly port: number
  /** Whether the request came over TLS that ends here. */
  readonly tls: boolean
}

/**
 * gRPC libraries understand a part of RouteConfiguration and refuse tables with some of the rest (gRFC A28, A31, A42).
 */
export function isGrpcClient(context: RouteContext): boolean {
  return context.scope.proxy.type === 'grpc'
}
