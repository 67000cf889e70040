import type { DiscoveredService } from '../../model/index.ts'
import type { ConsulSettings } from '../settings.ts'

/** A service of the catalog: its name and the tags of its instances together. */
export interface CatalogService {
  readonly name: string
  readonly datacenter: string
  readonly tags: readonly string[]
}

/**
 * The services in an answer of `/v1/catalog/services`.
 * https://developer.hashicorp.com/consul/api-docs/catalog#list-services
 * @throws Error when the answer is no such map
 */
export function readCatalog(value: unknown, datacenter: string): readonly CatalogService[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('an answer about the catalog that is no map of names')
  return Object.entries(value)
    .map(([name, tags]) => {
      if (tags !== null && !Array.isArray(tags)) throw new Error(`the catalog has no list of tags for ${name}`)
      return { name, datacenter, tags: (tags ?? []).map(String).sort() }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The host a service has in the mesh: `<name>.service.<domain>`, with the datacenter after `service` where it is not our own. */
export function hostOf({ name, datacenter }: CatalogService, settings: ConsulSettings, own: string): string {
  const where = datacenter === own ? 'service' : `service.${datacenter}`
  return `${name}.${where}.${settings.domain}`.toLowerCase()
}

/**
 * A service as the mesh takes it: a ServiceEntry without endpoints. The catalog names services and tags and no ports, so ports are
 * a matter of the settings and of tags `meshgate.port=<number>/<name>`, where the name's prefix is the protocol (`9080/grpc`,
 * `7000/tcp-game`); a ServiceEntry document for the host replaces them. Undefined for names that can be no host.
 */
export function toService(
  service: CatalogService,
  settings: ConsulSettings,
  own: string,
): DiscoveredService | undefined {
  const host = hostOf(service, settings, own)
  if (!/^[a-z0-9]([-a-z0-9_]{0,62})(\.[-a-z0-9_]{1,63})+$/.test(host) || host.length > 253) return undefined
  const { name, datacenter, tags } = service
  const ports = tags.flatMap((tag) => {
    const found = /^meshgate\.port=(\d{1,5})(?:\/([a-zA-Z0-9-]{1,63}))?$/.exec(tag)
    const number = Number(found?.[1])
    return found && number > 0 && number < 65_536 ? [{ number, name: found[2] ?? settings.protocol }] : []
  })
  const file = `consul:${datacenter}/${name}`
  const spec = {
    hosts: [host],
    ports: ports.length > 0 ? ports : [{ number: settings.port, name: settings.protocol }],
    location: 'MESH_INTERNAL' as const,
    resolution: 'STATIC' as const,
  }
  const value = { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry', metadata: { name }, spec }
  return {
    kind: 'ServiceEntry',
    apiVersion: value.apiVersion,
    name: `consul-${datacenter}-${name}`,
    namespace: settings.namespace,
    labels: {},
    annotations: {},
    spec,
    key: `ServiceEntry/${settings.namespace}/${file}`,
    source: {
      id: `${file}#0`,
      file,
      index: 0,
      value,
      revision: JSON.stringify(spec),
      locate: () => ({ file, line: 1, column: 1 }),
    },
  }
}
