/** How long a backend should go on serving after it left the registry, and what that is made of. In ms. */
export interface Drain {
  /** Measured: from a change until a proxy had accepted all of it. Absent before the first change. */
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly samples: number
  readonly waitMs: number
}

/** Changes remembered; older ones say little about the mesh of today. */
const SAMPLES = 1_000
/** Until a registry's change has reached us, and until a proxy uses what it accepted. */
const MARGIN_MS = 1_000
/** What is advised before anything was measured. */
const UNMEASURED_MS = 5_000

/** Turns measured convergence times into advice: the slowest of a hundred proxies must have heard before a backend ends. */
export class DrainAdvice {
  readonly #samples: number[] = []
  #next = 0

  /** `ms` from a change until a proxy had accepted it. */
  add(ms: number): void {
    this.#samples[this.#next] = ms
    this.#next = (this.#next + 1) % SAMPLES
  }

  /** How long an address was needed after it went, and how long to wait therefore, in ms; without samples a wait that is always enough. */
  advice(): Drain {
    const sorted = [...this.#samples].sort((a, b) => a - b)
    const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!)
    if (sorted.length === 0) return { samples: 0, waitMs: UNMEASURED_MS }
    const p99Ms = at(0.99)
    return { samples: sorted.length, p50Ms: at(0.5), p99Ms, waitMs: Math.ceil((p99Ms + MARGIN_MS) / 500) * 500 }
  }
}
