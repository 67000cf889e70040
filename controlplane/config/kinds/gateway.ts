import * as z from 'zod'
import { message, optional, required } from '../schema.ts'
import { stringMap, strings, text, uint32 } from '../syntax/values.ts'
import { serverTlsSettings } from './server-tls.ts'

export const gatewayPort = message({
  number: required(uint32, 'Port to listen on.'),
  protocol: required(text, 'HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS and so on; upper or lower case.'),
  name: required(text, 'Name of the port.'),
  targetPort: optional(uint32, 'Port on the endpoint; without effect.', { deprecated: 'it has no effect' }),
})
export type Port = z.infer<typeof gatewayPort>

/** One listener of a gateway. */
export const server = message({
  port: required(gatewayPort, 'Port and protocol to accept.'),
  bind: optional(text, 'Address or UNIX domain socket to listen on.', { default: '0.0.0.0' }),
  hosts: required(strings, 'Hosts exposed, `[namespace/]name`; a wildcard label may start the name.'),
  tls: optional(serverTlsSettings, 'TLS of the listener.'),
  defaultEndpoint: optional(text, 'Address the traffic goes to when no route takes it.', {
    unsupported: 'Istio does not implement it either',
  }),
  name: optional(text, 'Name of the server, unique in the mesh when set.'),
})
export type Server = z.infer<typeof server>

export const gatewaySpec = message({
  servers: optional(z.array(server), 'Listeners of the gateway.'),
  selector: optional(stringMap, 'Labels of the proxies this configures; none selects every gateway.'),
})
export type GatewaySpec = z.infer<typeof gatewaySpec>
