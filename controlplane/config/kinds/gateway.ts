import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { gatewayRule, gatewayServerRule } from '../rules/gateway.ts'
import { checked, message, optional, required } from '../schema.ts'
import { isDnsLabel, shown } from '../syntax/host.ts'
import { stringMap, strings, text, uint32 } from '../syntax/values.ts'
import { serverTlsSettings } from './server-tls.ts'

const gatewayPort = message({
  number: required(uint32, 'Port to listen on.'),
  protocol: required(text, 'HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS and so on; upper or lower case.'),
  name: required(text, 'Name of the port.'),
  targetPort: optional(uint32, 'Port on the endpoint; without effect.', { deprecated: 'it has no effect' }),
})

const serverFields = message({
  port: required(gatewayPort, 'Port and protocol to accept.'),
  bind: optional(text, 'Address or UNIX domain socket to listen on.', { default: '0.0.0.0' }),
  hosts: required(strings, 'Hosts exposed, `[namespace/]name`; a wildcard label may start the name.'),
  tls: optional(serverTlsSettings, 'TLS of the listener.'),
  defaultEndpoint: optional(
    text,
    'Where traffic goes that no route takes: `127.0.0.1:PORT`, `[::1]:PORT` or unix:///path beside the gateway.',
    { default: 'none: 404, or the connection is closed' },
  ),
  name: optional(text, 'Name of the server, unique in the mesh when set.'),
})
/** One listener of a gateway. */
const server = checked(serverFields, gatewayServerRule)
export type Server = z.infer<typeof serverFields>

const gatewaySpecFields = message({
  servers: optional(z.array(server), 'Listeners of the gateway.'),
  selector: optional(stringMap, 'Labels of the proxies this configures; none selects every gateway.'),
})
const gatewaySpec = checked(gatewaySpecFields, gatewayRule)
export type GatewaySpec = z.infer<typeof gatewaySpecFields>

export const gateway: KindDefinition<GatewaySpec> = {
  kind: 'Gateway',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'Listeners of gateway proxies: ports, hosts and TLS.',
  compiled: true,
  schema: gatewaySpec,
  check: (_, { name }, report) => {
    if (!isDnsLabel(name))
      report(['metadata', 'name'], `${shown(name)} is no gateway name: it must be a DNS label (no dots)`)
  },
}
