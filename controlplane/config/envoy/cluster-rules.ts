import type { IssuePath } from '../schema.ts'
import { isIpAddress } from '../syntax/address.ts'
import { shown } from '../syntax/host.ts'
import { type WrittenMessage, written, writtenList, writtenMessage } from './written.ts'

type Add = (path: IssuePath, message: string) => void

const TYPES = ['STATIC', 'STRICT_DNS', 'LOGICAL_DNS', 'EDS', 'ORIGINAL_DST'] as const
const CLUSTER_PROVIDED = ['CLUSTER_PROVIDED', 6]
const PROVIDED = 'type.googleapis.com/envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided'

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** Health checks by gRPC go over HTTP/2, which the cluster must speak. */
export function checkGrpcHealth(cluster: WrittenMessage, add: Add): void {
  const [key, checks] = writtenList(cluster, 'health_checks')
  const grpc = checks.findIndex((check) => written(check, 'grpc_health_check')[1] !== undefined)
  if (grpc < 0 || written(cluster, 'http2_protocol_options')[1] !== undefined) return
  const options = writtenMessage(writtenMessage(cluster, 'typed_extension_protocol_options')[1], HTTP_OPTIONS)[1]
  const explicit = writtenMessage(options, 'explicit_http_config')[1]
  const http1 = written(explicit, 'http_protocol_options')[1] !== undefined
  if (http1 || Object.keys(options).length === 0)
    add([key, grpc], 'a gRPC health check needs a cluster that speaks HTTP/2')
}

/** What Envoy demands of a cluster by the way it finds its endpoints. */
export function checkCluster(cluster: WrittenMessage, add: Add): void {
  // An extension finds the endpoints and has rules of its own.
  if (written(cluster, 'cluster_type')[1] !== undefined) return
  const [, value = 'STATIC'] = written(cluster, 'type')
  const type = typeof value === 'number' ? TYPES[value] : TYPES.find((name) => name === value)
  if (!type) return
  const [edsKey, eds] = writtenMessage(cluster, 'eds_cluster_config')
  if (type === 'EDS' && written(eds, 'eds_config')[1] === undefined)
    add([edsKey], 'a cluster of type EDS needs eds_cluster_config with an eds_config')
  if (type !== 'EDS' && cluster[edsKey] !== undefined) add([edsKey], `eds_cluster_config is for type EDS, not ${type}`)
  checkBalancing(cluster, type, add)
  const [key, assignment] = writtenMessage(cluster, 'load_assignment')
  if (type === 'ORIGINAL_DST' && cluster[key] !== undefined)
    add([key], 'a cluster of type ORIGINAL_DST must have no load_assignment')
  if (type === 'STATIC') checkAddresses(assignment, (path, message) => add([key, ...path], message))
  if (type === 'LOGICAL_DNS') {
    const [, localities] = writtenList(assignment, 'endpoints')
    const counts = localities.map((locality) => writtenList(locality, 'lb_endpoints')[1].length)
    if (counts.length !== 1 || counts[0] !== 1)
      add([key], 'a cluster of type LOGICAL_DNS must have exactly one locality with one endpoint')
  }
}

/** Only type ORIGINAL_DST brings its own way to choose an endpoint. `load_balancing_policy` counts before `lb_policy`. */
function checkBalancing(cluster: WrittenMessage, type: (typeof TYPES)[number], add: Add): void {
  const own = type === 'ORIGINAL_DST'
  const [policyKey, policy] = written(cluster, 'lb_policy')
  const named = CLUSTER_PROVIDED.includes(policy as string | number)
  const [extensionKey, extension] = writtenMessage(cluster, 'load_balancing_policy')
  const extended = cluster[extensionKey] !== undefined
  if (own && !named) add([policyKey], 'lb_policy must be CLUSTER_PROVIDED in a cluster of type ORIGINAL_DST')
  if (!own && named && !extended) add([policyKey], `lb_policy CLUSTER_PROVIDED is not for a ${type} cluster`)
  if (!extended) return
  // Envoy takes the first policy it has.
  const [, [first]] = writtenList(extension, 'policies')
  const config = writtenMessage(writtenMessage(first ?? {}, 'typed_extension_config')[1], 'typed_config')[1]
  if (!first) add([extensionKey], 'load_balancing_policy needs at least one policy')
  else if (own !== (config['@type'] === PROVIDED))
    add([extensionKey], `load_balancing_policy ClusterProvided is for clusters of type ORIGINAL_DST, which need it`)
}

/** Endpoints that are not looked up by DNS (those of EDS, and of STATIC clusters) have IP addresses and numbers of ports. */
export function checkAddresses(assignment: WrittenMessage, add: Add): void {
  const [localitiesKey, localities] = writtenList(assignment, 'endpoints')
  for (const [i, locality] of localities.entries()) {
    const [listKey, list] = writtenList(locality, 'lb_endpoints')
    for (const [j, host] of list.entries()) {
      const [endpointKey, endpoint] = writtenMessage(host, 'endpoint')
      const [addressKey, address] = writtenMessage(endpoint, 'address')
      const [socketKey, socket] = writtenMessage(address, 'socket_address')
      const path = [localitiesKey, i, listKey, j, endpointKey]
      if (host[endpointKey] === undefined) {
        if (written(host, 'endpoint_name')[1] === undefined)
          add([localitiesKey, i, listKey, j], 'an endpoint is needed')
        continue
      }
      if (endpoint[addressKey] === undefined) add([...path, addressKey], 'an endpoint needs an address')
      if (address[socketKey] === undefined || written(socket, 'resolver_name')[1] !== undefined) continue
      const [portKey, port] = written(socket, 'named_port')
      if (port !== undefined)
        add([...path, addressKey, socketKey, portKey], 'a port must be a number where addresses are not looked up')
      const text = socket['address']
      if (typeof text === 'string' && text !== '' && !isIpAddress(text))
        add(
          [...path, addressKey, socketKey, 'address'],
          `${shown(text)} is no IP address; names are looked up by clusters of type STRICT_DNS and LOGICAL_DNS only`,
        )
    }
  }
}
