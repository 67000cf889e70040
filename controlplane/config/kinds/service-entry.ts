import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { serviceEntryRule, waypointRule } from '../rules/service-entry.ts'
import { checked, message, optional, required } from '../schema.ts'
import { port, strings, text } from '../syntax/values.ts'
import { exportTo, workloadSelector } from './common.ts'
import { endpoint } from './workload-entry.ts'

const servicePort = message({
  number: required(port, 'Port callers use.'),
  protocol: optional(text.max(256), 'HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS and so on; upper or lower case.', {
    default: 'from the name prefix, else TCP',
  }),
  name: required(text.max(256), 'Name of the port, unique in the entry.'),
  targetPort: optional(port, 'Port on the endpoint.', { default: 'number' }),
})

const serviceEntrySpecFields = message({
  hosts: required(z.array(text).min(1).max(256), 'Hosts of the service.'),
  addresses: optional(z.array(text.max(64)).max(256), 'Virtual IP addresses or CIDR blocks of the service.'),
  ports: optional(z.array(servicePort).max(256), 'Ports of the service.'),
  location: optional(z.enum(['MESH_EXTERNAL', 'MESH_INTERNAL']), 'Whether the service is part of the mesh.', {
    default: 'MESH_EXTERNAL',
  }),
  resolution: optional(
    z.enum(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']),
    'How the addresses of endpoints are found.',
    { default: 'NONE' },
  ),
  endpoints: optional(z.array(endpoint).max(4096), 'Endpoints of the service.'),
  workloadSelector: optional(
    workloadSelector,
    'WorkloadEntries of the namespace that are the endpoints; for MESH_INTERNAL.',
  ),
  exportTo,
  subjectAltNames: optional(strings, "Names one of which the server's certificate must carry."),
})
const serviceEntrySpec = checked(serviceEntrySpecFields, serviceEntryRule)
export type ServiceEntrySpec = z.infer<typeof serviceEntrySpecFields>

export const serviceEntry: KindDefinition<ServiceEntrySpec> = {
  kind: 'ServiceEntry',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'A service: its hosts, ports and where its endpoints come from.',
  compiled: true,
  specRequired: true,
  schema: serviceEntrySpec,
  check: (spec, meta, report) => {
    reportExportTo(spec.exportTo, meta.namespace, report, { service: true })
    waypointRule(spec, meta, report)
  },
}
