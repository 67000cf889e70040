import type { LocalityLbSetting } from '../config/kinds/destination-rule.ts'
import type { HttpRetry } from '../config/kinds/virtual-service.ts'

/** Settings of the whole mesh, defaults filled in (kind `Mesh`). Times in ms. */
export interface MeshSettings {
  /** Namespace whose rules apply to all. */
  readonly rootNamespace: string
  /** DNS suffix of short names: `reviews` in namespace `shop` is `reviews.shop.svc.<domain>`. */
  readonly domain: string
  /** What happens to hosts nobody declared. */
  readonly outboundTrafficPolicy: 'REGISTRY_ONLY' | 'ALLOW_ANY'
  /** Port on loopback where sidecars take HTTP for the mesh; 0 means none. */
  readonly httpPort: number
  readonly connectTimeoutMs: number
  readonly accessLog: { readonly path: string; readonly format: string | undefined } | undefined
  readonly localityLbSetting: LocalityLbSetting | undefined
  readonly defaultHttpRetry: HttpRetry | undefined
  readonly exportTo: {
    readonly service: readonly string[]
    readonly virtualService: readonly string[]
    readonly destinationRule: readonly string[]
  }
}
