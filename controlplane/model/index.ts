import { cell } from './cells.ts'
import { type DiscoveryReader, NO_DISCOVERY } from './discovery.ts'
import { Draining } from './draining.ts'
import { createEndpoints } from './endpoints.ts'
import { createServerNames } from './identities.ts'
import type { Model } from './model.ts'
import { createRegistry } from './services.ts'
import { meshSettings } from './settings.ts'
import { World } from './world.ts'

export interface ModelOptions {
  /** Services and endpoints that do not come from documents. */
  readonly discovery?: DiscoveryReader
  /** Endpoints that leave are listed as draining first; this is called when their time is over. Absent: they are gone at once. */
  readonly onDrained?: () => void
}

/** The model of a mesh without any configuration yet; `world.commit` fills it. */
export function createModel({ discovery = NO_DISCOVERY, onDrained }: ModelOptions = {}): Model {
  const world = new World()
  const settings = cell(
    () => meshSettings(world),
    (a, b) => JSON.stringify(a) === JSON.stringify(b),
  )
  const registry = createRegistry(world, settings, discovery)
  const draining =
    onDrained && new Draining({ drainMs: () => settings().drainMs, onExpired: onDrained, lasting: registry.declared })
  return {
    world,
    settings,
    registry,
    endpoints: createEndpoints(world, registry, discovery, draining),
    serverNames: createServerNames(world, registry, settings),
  }
}

export { watch } from './cells.ts'
export { createScope } from './class-scope.ts'
export { type DiscoveredEndpoint, type DiscoveredService, Discovery, type DiscoveryReader } from './discovery.ts'
export { type Endpoints, parseLocality } from './endpoints.ts'
export { type HiddenHost, hiddenHosts } from './hidden.ts'
export type { Model } from './model.ts'
export type { ProxyClass, ProxyType } from './proxy-class.ts'
export { MESH_GATEWAY, type Scope } from './scope.ts'
export type { EndpointHealth, Locality } from './service.ts'
export { gatewayKey } from './visible-virtual-services.ts'
export { originIn, type World } from './world.ts'
