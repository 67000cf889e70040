import { cell } from './cells.ts'
import type { Model } from './class-scope.ts'
import { createEndpoints } from './endpoints.ts'
import { createRegistry } from './services.ts'
import { meshSettings } from './settings.ts'
import { World } from './world.ts'

/** The model of a mesh without any configuration yet; `world.commit` fills it. */
export function createModel(): Model {
  const world = new World()
  const settings = cell(
    () => meshSettings(world),
    (a, b) => JSON.stringify(a) === JSON.stringify(b),
  )
  const registry = createRegistry(world, settings)
  return { world, settings, registry, endpoints: createEndpoints(world, registry) }
}

export { createScope, gatewayKey, type Model } from './class-scope.ts'
export type { ProxyClass, ProxyType } from './proxy-class.ts'
export { MESH_GATEWAY, type Scope } from './scope.ts'
export type { World } from './world.ts'
