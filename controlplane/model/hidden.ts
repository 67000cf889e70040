import type { MeshSpec } from '../config/kinds/mesh.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import type { ConfigObject, Origin } from '../config/object.ts'
import { expandShortName, exportedTo, hostWithin } from './hosts.ts'
import type { Model } from './model.ts'
import { MESH_GATEWAY, type Scope } from './scope.ts'
import type { Service } from './service.ts'
import { egressHosts, serviceInScope } from './sidecar-scope.ts'
import { gatewayKey } from './visible-virtual-services.ts'

/** A host that is declared, and that proxies of a class do not see under the name they ask for. */
export interface HiddenHost {
  /** As it is declared. */
  readonly host: string
  readonly namespace: string
  /**
   * What hides it: `exportTo`; egress hosts of the class's `Sidecar`; `namespace`, a short name that means another one in the own
   * namespace; `gateways` of a rule that is for others.
   */
  readonly by: 'exportTo' | 'sidecar' | 'namespace' | 'gateways'
  /** The values of `exportTo` or `gateways`. */
  readonly values: readonly string[]
  readonly declared: Origin
  /** The place that hides it; absent where that is no place but a rule of names. */
  readonly because?: Origin
}

/** Of thousands that are hidden alike, more would help nobody. */
const MOST = 3

/**
 * Why proxies of a class do not see a host although somebody declares it: services under that name, else rules for it. Empty for a host
 * that they see, and for one that nobody declares. Looks at every host: for people who ask, not for what is served.
 * @param asked a host without port, in lower case
 */
export function hiddenHosts(model: Model, scope: Scope, asked: string): readonly HiddenHost[] {
  const names = namesOf(asked, scope)
  if (names.some((name) => scope.service(name))) return []
  const services = hiddenServices(model, scope, asked, names)
  return (services.length > 0 ? services : hiddenRules(model, scope, names)).slice(0, MOST)
}

/** What a name may stand for, in full. */
function namesOf(asked: string, { proxy, settings }: Scope): readonly string[] {
  const { domain } = settings()
  const parts = asked.split('.')
  const names = [asked, expandShortName(asked, proxy.namespace, domain)]
  if (parts.length === 2) names.push(`${asked}.svc.${domain}`)
  if (parts.length === 3 && parts[2] === 'svc') names.push(`${asked}.${domain}`)
  return [...new Set(names)]
}

function hiddenServices(
  { registry, world }: Model,
  scope: Scope,
  asked: string,
  names: readonly string[],
): readonly HiddenHost[] {
  const { proxy } = scope
  const { domain } = scope.settings()
  const isShort = !/[.:]/.test(asked)
  const ofAnotherNamespace = ({ hostname, namespace }: Service) =>
    isShort && hostname === `${asked}.${namespace}.svc.${domain}`
  const egress = egressHosts(scope.sidecar(), proxy.namespace)
  const found: HiddenHost[] = []
  for (const service of registry.services()) {
    const { hostname, namespace, exportTo, origin } = service
    const isMeant = names.some((name) => hostWithin(name, hostname))
    if (!isMeant && !ofAnotherNamespace(service)) continue
    const facts = { host: hostname, namespace, declared: origin }
    if (!exportedTo(exportTo, namespace, proxy.namespace)) {
      const own = (origin.object as ConfigObject<{ readonly exportTo?: readonly string[] }>).spec?.exportTo?.length
      const because = own
        ? { object: origin.object, path: ['spec', 'exportTo'] }
        : meshDefault(world, 'defaultServiceExportTo')
      found.push({ ...facts, by: 'exportTo', values: exportTo, ...(because ? { because } : {}) })
    } else if (!serviceInScope(egress, namespace, hostname))
      found.push({
        ...facts,
        by: 'sidecar',
        values: [],
        because: { object: scope.sidecar()!, path: ['spec', 'egress'] },
      })
    else if (!isMeant) found.push({ ...facts, by: 'namespace', values: [] })
  }
  return found
}

function hiddenRules({ world }: Model, scope: Scope, names: readonly string[]): readonly HiddenHost[] {
  const { proxy } = scope
  const { domain, exportTo } = scope.settings()
  const mine =
    proxy.type === 'router' ? scope.gateways().map(({ namespace, name }) => `${namespace}/${name}`) : [MESH_GATEWAY]
  const seen = new Set(mine.flatMap((gateway) => scope.virtualServices(gateway)).map(({ key }) => key))
  const found: HiddenHost[] = []
  for (const object of world.all<VirtualServiceSpec>('VirtualService')) {
    const { namespace, spec, key } = object
    const index = (spec.hosts ?? []).findIndex((host) => {
      const full = expandShortName(host, namespace, domain)
      return full !== '*' && names.some((name) => hostWithin(name, full))
    })
    if (index < 0 || seen.has(key)) continue
    const facts = { host: spec.hosts![index]!, namespace, declared: { object, path: ['spec', 'hosts', index] } }
    const gateways = spec.gateways?.length ? spec.gateways : [MESH_GATEWAY]
    const exported = spec.exportTo?.length ? spec.exportTo : exportTo.virtualService
    if (!gateways.some((name) => mine.includes(gatewayKey(name, namespace)))) {
      const because = spec.gateways?.length ? { because: { object, path: ['spec', 'gateways'] } } : {}
      found.push({ ...facts, by: 'gateways', values: gateways, ...because })
    } else if (!exportedTo(exported, namespace, proxy.namespace)) {
      const because = spec.exportTo?.length
        ? { object, path: ['spec', 'exportTo'] }
        : meshDefault(world, 'defaultVirtualServiceExportTo')
      found.push({ ...facts, by: 'exportTo', values: exported, ...(because ? { because } : {}) })
    } else if (scope.sidecar())
      found.push({
        ...facts,
        by: 'sidecar',
        values: [],
        because: { object: scope.sidecar()!, path: ['spec', 'egress'] },
      })
  }
  return found
}

function meshDefault(world: Model['world'], field: keyof MeshSpec): Origin | undefined {
  const [object] = world.all<MeshSpec>('Mesh')
  return object && { object, path: ['spec', field] }
}
