import type { DiscoveryRequest, RequestReading } from '../subscription/request.ts'

export interface RequestReaderOptions {
  /** Begins to read a message; its bytes stay what they are. */
  begin(bytes: Buffer): RequestReading
  /** A request is whole. */
  arrived(request: DiscoveryRequest): void
  /** Those of a later turn that are whole are all handed over. */
  settled(): void
  failed(error: unknown): void
  /** More comes than is read. */
  slowDown(): void
}

/** Longer messages are read in portions; those of a proxy that holds two thousand clusters are shorter, bytes. */
const LONG = 128 * 1024
/** Names read in one turn, some three milliseconds; what stands behind a name (its version) counts with it. */
const NAMES = 2_000
/** Messages behind a long one before the stream is read more slowly. */
const MOST_BEHIND = 16

/**
 * The messages of one stream as requests, in their order. Nearly all are read as they come; a long one is read in portions, one in each
 * turn, so that other clients are served between them, and those behind it wait.
 */
export class RequestReader {
  private readonly options: RequestReaderOptions
  private reading: RequestReading | undefined
  private behind: Buffer[] | undefined
  private stopped = false

  constructor(options: RequestReaderOptions) {
    this.options = options
  }

  /** @param bytes valid until this returns */
  add(bytes: Buffer): void {
    if (this.reading) {
      this.behind ??= []
      if (this.behind.push(Buffer.from(bytes)) > MOST_BEHIND) this.options.slowDown()
      return
    }
    try {
      this.start(bytes.length > LONG ? Buffer.from(bytes) : bytes)
    } catch (error) {
      this.fail(error)
    }
  }

  /** What waits is not wanted any more. */
  stop(): void {
    this.stopped = true
    this.reading = undefined
    this.behind = undefined
  }

  /** @param bytes valid until this returns; those of a long request for good */
  private start(bytes: Buffer): void {
    const { options } = this
    if (bytes.length > LONG) {
      this.reading = options.begin(bytes)
      this.goOn()
    } else options.arrived(options.begin(bytes).next(Number.POSITIVE_INFINITY)!)
  }

  /** Not kept: hardly any stream ever needs it. */
  private goOn(): void {
    setImmediate(() => this.go())
  }

  private go(): void {
    if (this.stopped) return
    try {
      const request = this.reading?.next(NAMES)
      if (!request) {
        this.goOn()
        return
      }
      this.reading = undefined
      this.options.arrived(request)
      while (!this.reading && this.behind) {
        const next = this.behind.shift()!
        if (this.behind.length === 0) this.behind = undefined
        this.start(next)
      }
      this.options.settled()
    } catch (error) {
      this.fail(error)
    }
  }

  private fail(error: unknown): void {
    this.stop()
    this.options.failed(error)
  }
}
