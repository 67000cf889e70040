import { type AddressInfo, createServer, type Server } from 'node:net'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { startEnvoy, type TestEnvoy } from '../../helpers/envoy.ts'
import type { Probe } from './draw.ts'
import type { Identities } from './identities.ts'
import { type Outcome, probe } from './probe.ts'

/** A listener of a proxy as one of many on one Envoy. */
export interface Place {
  /** Unlike that of any other. */
  readonly key: string
  readonly listener: JsonObject
  /** Clusters that the proxy has. */
  readonly clusters: ReadonlySet<string>
}

/** A real Envoy whose chains lead to upstreams that tell what the chain leads to. */
export class TlsBed {
  readonly #envoy: TestEnvoy
  readonly #upstreams: readonly Server[]
  readonly #ports: ReadonlyMap<string, number>
  readonly #who: Identities

  private constructor(
    envoy: TestEnvoy,
    upstreams: readonly Server[],
    ports: ReadonlyMap<string, number>,
    who: Identities,
  ) {
    this.#envoy = envoy
    this.#upstreams = upstreams
    this.#ports = ports
    this.#who = who
  }

  /** @throws Error with Envoy's own words when it refuses a place */
  static async start(places: readonly Place[], who: Identities): Promise<TlsBed> {
    const ends = new Set<string>()
    const listeners = places.map((place) => listenerOf(place, who, ends))
    const upstreams = await Promise.all([...ends].map(teller))
    const ports = new Map([...ends].map((end, index) => [end, (upstreams[index]!.address() as AddressInfo).port]))
    const clusters = [...ports].map(([end, port]) => ({
      name: end,
      type: 'STATIC',
      connectTimeout: '5s',
      loadAssignment: {
        clusterName: end,
        endpoints: [
          { lbEndpoints: [{ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: port } } } }] },
        ],
      },
    }))
    const envoy = await startEnvoy({
      bootstrap: { static_resources: { listeners, clusters: [...clusters, { name: NOWHERE, type: 'STATIC' }] } },
      logLevel: 'error',
    })
    const { listener_statuses: statuses = [] } = JSON.parse(await envoy.admin('/listeners?format=json')) as {
      listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[]
    }
    const bound = new Map(statuses.map(({ name, local_address: at }) => [name, at.socket_address.port_value]))
    return new TlsBed(envoy, upstreams, bound, who)
  }

  /** What comes of a connection to a place. */
  connect(key: string, one: Probe): Promise<Outcome> {
    return probe(this.#ports.get(key)!, one, this.#who)
  }

  async stop(): Promise<void> {
    await this.#envoy.stop()
    for (const upstream of this.#upstreams) upstream.close()
  }
}

/** Whether Envoy would refuse the listener: two of its chains take the same connections. */
export function isRefused({ filterChains = [] }: JsonObject): boolean {
  const seen = new Set<string>()
  return (filterChains as JsonObject[]).some(({ filterChainMatch = {} }) => {
    const { serverNames = [''], ...rest } = filterChainMatch as { serverNames?: string[] }
    return serverNames.some((name) => {
      const match = JSON.stringify([name, rest])
      const twice = seen.has(match)
      seen.add(match)
      return twice
    })
  })
}

const NOWHERE = 'nowhere'

/** Tells each caller at once what it has reached. */
async function teller(text: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(`${text}\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function listenerOf({ key, listener, clusters }: Place, who: Identities, ends: Set<string>): JsonObject {
  return {
    name: key,
    address: { socketAddress: { address: '127.0.0.1', portValue: 0 } },
    listenerFilters: listener['listenerFilters'] ?? [],
    filterChains: ((listener['filterChains'] ?? []) as JsonObject[]).map((chain, index) => {
      const end = endOf((chain['filters'] as JsonObject[]).at(-1)!, clusters)
      if (end !== NOWHERE) ends.add(end)
      return {
        name: `${index}`,
        filterChainMatch: chain['filterChainMatch'] ?? {},
        filters: [
          {
            name: 'envoy.filters.network.tcp_proxy',
            typedConfig: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
              statPrefix: 'x',
              cluster: end,
            },
          },
        ],
        ...(chain['transportSocket'] !== undefined && {
          transportSocket: withSecrets(chain['transportSocket'], who) as JsonObject,
        }),
      }
    }),
  } as JsonObject
}

/** Where a chain leads: a table of routes, a cluster, or several with their shares; a cluster the proxy has not got is nowhere. */
function endOf({ typedConfig }: JsonObject, clusters: ReadonlySet<string>): string {
  const config = typedConfig as JsonObject
  const known = (name: JsonValue | undefined) =>
    clusters.has(String(name)) && name !== 'BlackHoleCluster' ? String(name) : NOWHERE
  if (config['rds']) return `table ${(config['rds'] as JsonObject)['routeConfigName']}`
  if (config['cluster'] !== undefined) return known(config['cluster'])
  const { clusters: shares = [] } = config['weightedClusters'] as { clusters?: JsonObject[] }
  if (shares.length === 1) return known(shares[0]!['name'])
  return shares.map(({ name, weight }) => `${known(name)} ${weight}`).join(', ')
}

/** The same with certificates where names of them were: over SDS they come from elsewhere, here they stand in it. */
function withSecrets(json: JsonValue, who: Identities): JsonValue {
  if (Array.isArray(json)) return json.map((item) => withSecrets(item, who))
  if (typeof json !== 'object' || json === null) return json
  const { tlsCertificateSdsSecretConfigs, combinedValidationContext, ...rest } = json as JsonObject
  const out = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, withSecrets(value, who)]))
  if (tlsCertificateSdsSecretConfigs !== undefined)
    out['tlsCertificates'] = (tlsCertificateSdsSecretConfigs as { name: string }[]).map(({ name }) => {
      const { cert, key } = who.shown(name)
      return { certificateChain: { inlineString: cert }, privateKey: { inlineString: key } }
    })
  if (combinedValidationContext !== undefined)
    out['validationContext'] = {
      ...((combinedValidationContext as JsonObject)['defaultValidationContext'] as JsonObject),
      trustedCa: { inlineString: who.ca.cert },
    }
  return out
}
