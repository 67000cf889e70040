/** One kind of change to all streams. */
interface Pushed {
  readonly cpuUsPerStream: number
  readonly lastMs: number
  readonly bytesPerStream: number
  readonly loopP99Ms: number
}

/** All proxies come at once. */
interface Synced {
  readonly wallS: number
  readonly cpuS: number
  readonly loopP99Ms: number
}

/** What the load client prints. */
export interface Measured {
  /** On a fresh process. */
  readonly syncWallS: number
  readonly syncCpuS: number
  readonly syncLoopP99Ms: number
  /** On one that served as many before. */
  readonly warm?: Synced
  readonly baseMb: number
  readonly idleMb: number
  readonly rssKbPerStream: number
  readonly rssKbPerStreamAfterGc: number
  readonly endpoint?: Pushed
  readonly route?: Pushed
  readonly storm?: {
    readonly takenPerSecond: number
    readonly cores: number
    readonly lateMs: number
    readonly pushesPerStreamAndSecond: number
    readonly rssMb: number
    readonly loopP99Ms: number
  }
}
