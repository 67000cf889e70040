import type { Client } from '../subscription/client.ts'
import type { NodeInfo } from '../xds/resource.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import type { AdsMetrics } from './metrics.ts'

/** A stream whose client gets clusters on demand. */
export interface Warmer {
  readonly node: NodeInfo
  readonly client: Client
}

/**
 * Streams that were sent clusters they ask for on demand, and have not acknowledged them. While clusters warm, Envoy asks for no others: a proxy
 * that takes more than a second fails or delays every cold request, and that is told.
 */
export class Warming {
  /** With the nonce of the clusters whose late acknowledgement was told. */
  private readonly streams = new Map<Warmer, string | undefined>()
  private readonly limits: Pick<Limits, 'slowAckMs'>
  private readonly logger: Logger
  private readonly metrics: Pick<AdsMetrics, 'slowAck'>

  constructor(limits: Pick<Limits, 'slowAckMs'>, logger: Logger, metrics: Pick<AdsMetrics, 'slowAck'>) {
    this.limits = limits
    this.logger = logger
    this.metrics = metrics
  }

  add(stream: Warmer): void {
    if (!this.streams.has(stream)) this.streams.set(stream, undefined)
  }

  delete(stream: Warmer): void {
    this.streams.delete(stream)
  }

  /**
   * To be called now and then.
   * @param time ms
   */
  tick(time: number): void {
    for (const [stream, told] of this.streams) {
      const oldest = stream.client.place('cds')?.inFlight[0]
      if (!oldest) this.streams.delete(stream)
      else if (time - oldest.sentAt >= this.limits.slowAckMs && told !== oldest.frame.nonce) {
        this.streams.set(stream, oldest.frame.nonce)
        this.metrics.slowAck()
        this.logger.warn(
          {
            node: stream.node.id,
            waitedMs: Math.round(time - oldest.sentAt),
            clusters: oldest.frame.upserts.slice(0, 5).map(({ name }) => name),
          },
          'a proxy does not acknowledge its clusters: it can start no other on demand meanwhile',
        )
      }
    }
  }
}
