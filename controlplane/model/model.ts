import type { Cell } from './cells.ts'
import type { Endpoints } from './endpoints.ts'
import type { Scope } from './scope.ts'
import type { Registry } from './services.ts'
import type { MeshSettings } from './settings.ts'
import type { World } from './world.ts'

/** The parts of the model that all classes share. */
export interface Model {
  readonly world: World
  readonly settings: Cell<MeshSettings>
  readonly registry: Registry
  readonly endpoints: Endpoints
  readonly serverNames: Scope['serverNames']
}
