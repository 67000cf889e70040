import { type AdsMetrics, NO_METRICS } from '../../controlplane/ads/metrics.ts'
import type { Mesh } from '../../controlplane/xds/resource.ts'
import { comesTrue } from './eventually.ts'

/** Knows when an xDS server has told its clients of a change: give it `metrics` as its own. */
export class RoundWatch {
  readonly metrics: AdsMetrics
  /** When the last round that has ended began, by `performance.now()`. */
  #began = Number.NEGATIVE_INFINITY

  /** @param metrics who else is to be told what the server counts */
  constructor(metrics: AdsMetrics = NO_METRICS) {
    this.metrics = {
      ...metrics,
      roundTime: (seconds) => {
        metrics.roundTime(seconds)
        this.#began = performance.now() - seconds * 1000
      },
    }
  }

  /** Makes a change, and resolves when a round that began after it is over; at once where nothing has changed. */
  async after(mesh: Pick<Mesh, 'onChange'>, change: () => void): Promise<void> {
    let told = false
    const stop = mesh.onChange(() => {
      told = true
    })
    const at = performance.now()
    change()
    stop()
    if (told) await comesTrue(() => this.#began >= at, 'the server has told its clients')
  }
}
