import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import type { Resource } from '../../controlplane/xds/resource.ts'
import { Cluster_DiscoveryType, ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { RouterSchema } from '../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts'
import { HttpConnectionManagerSchema } from '../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { duration, encode, make, pack } from '../../proto/make.ts'
import type { ResourceType } from '../../proto/types.ts'
import { fakeResource } from './fake-mesh.ts'

const OVER_ADS = { configSourceSpecifier: { case: 'ads', value: {} }, initialFetchTimeout: duration(1000) } as const

function resource<Desc extends DescMessage>(
  type: ResourceType,
  name: string,
  schema: Desc,
  init: MessageInitShape<Desc>,
  children: Resource['children'] = [],
): Resource {
  return fakeResource(type, name, encode(schema, make(schema, init as never) as never), { children })
}

/** An EDS cluster over ADS. `connectMs` is there to be changed: another value is another version. */
export function cluster(name: string, connectMs = 1000): Resource {
  return resource(
    'cds',
    name,
    ClusterSchema,
    {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { serviceName: name, edsConfig: OVER_ADS },
      connectTimeout: duration(connectMs),
    },
    [{ type: 'eds', name }],
  )
}

/** A cluster Envoy refuses: its regular expressions and addresses are fine, but a STATIC cluster has no EDS configuration. */
export function badCluster(name: string): Resource {
  return resource('cds', name, ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    edsClusterConfig: { serviceName: name, edsConfig: OVER_ADS },
  })
}

/** The same with a field of number 5000 that nobody knows: an Envoy told to be strict refuses it, without its name. */
export function withUnknownField({ type, name, bytes, children }: Resource): Resource {
  return fakeResource(type, name, Buffer.concat([bytes, Buffer.from([0xc0, 0xb8, 0x02, 0x01])]), { children })
}

export function endpoints(name: string, ...ports: readonly number[]): Resource {
  return resource('eds', name, ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [
      {
        locality: { region: 'r', zone: 'z' },
        loadBalancingWeight: 1,
        lbEndpoints: ports.map((port) => ({
          hostIdentifier: {
            case: 'endpoint' as const,
            value: { address: { address: { case: 'socketAddress' as const, value: tcp(port) } } },
          },
        })),
      },
    ],
  })
}

/** One virtual host for everything, split over clusters by weight. */
export function routes(name: string, weights: Readonly<Record<string, number>>): Resource {
  return resource('rds', name, RouteConfigurationSchema, {
    name,
    validateClusters: false,
    virtualHosts: [
      {
        name: 'all',
        domains: ['*'],
        routes: [
          {
            match: { pathSpecifier: { case: 'prefix', value: '/' } },
            action: {
              case: 'route',
              value: {
                clusterSpecifier: {
                  case: 'weightedClusters',
                  value: { clusters: Object.entries(weights).map(([cluster, weight]) => ({ name: cluster, weight })) },
                },
              },
            },
          },
        ],
      },
    ],
  })
}

/** An HTTP listener on a free loopback port that takes its routes over ADS. */
export function listener(name: string, routeName: string, path?: string): Resource {
  return resource(
    'lds',
    name,
    ListenerSchema,
    {
      name,
      address: {
        address: path === undefined ? { case: 'socketAddress', value: tcp(0) } : { case: 'pipe', value: { path } },
      },
      filterChains: [
        {
          filters: [
            {
              name: 'envoy.filters.network.http_connection_manager',
              configType: {
                case: 'typedConfig',
                value: pack(HttpConnectionManagerSchema, {
                  statPrefix: name,
                  routeSpecifier: { case: 'rds', value: { routeConfigName: routeName, configSource: OVER_ADS } },
                  httpFilters: [
                    {
                      name: 'envoy.filters.http.router',
                      configType: { case: 'typedConfig', value: pack(RouterSchema, {}) },
                    },
                  ],
                }),
              },
            },
          ],
        },
      ],
    },
    [{ type: 'rds', name: routeName }],
  )
}

function tcp(port: number) {
  return { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: port } }
}
