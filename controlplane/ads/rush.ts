import { setFlagsFromString } from 'node:v8'

/** V8's mode for who would rather save CPU than be fast early, and back. */
export const RUSH_FLAGS = { begins: '--efficiency-mode', ends: '--no-efficiency-mode' } as const
/** The V8 of Node 22: the first that has the mode, and a quick optimizing compiler. */
const FIRST_V8 = 12

/** Streams of one second that are a rush. */
const MANY = 50
const SECOND_MS = 1000
/** After the last stream; what they asked for is answered then. */
const OVER_MS = 1000

/**
 * Has V8 compile sparingly while very many proxies come at once, as after a start: in the thread that runs, and with the quick compiler alone
 * until a function was called very often. Otherwise its compilers take a third of all CPU, on threads of their own, which the proxies
 * wait for (docs/decisions/control-plane-speed.md). At other times they are what makes one answer come sooner. It counts for the whole
 * process, for what is compiled from then on; a V8 without the mode stays as it is.
 * @see https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export class Rush {
  private readonly setFlag: (flag: string) => void
  private since = Number.NEGATIVE_INFINITY
  private count = 0
  private lastAt = 0
  private on = false

  /** @param v8 its version */
  constructor(v8 = process.versions.v8, setFlag: (flag: string) => void = setFlagsFromString) {
    this.setFlag = Number.parseInt(v8, 10) < FIRST_V8 ? () => {} : setFlag
  }

  /**
   * A stream begins.
   * @param now ms
   */
  came(now: number): void {
    this.lastAt = now
    if (this.on) return
    if (now - this.since > SECOND_MS) {
      this.since = now
      this.count = 0
    }
    if (++this.count < MANY) return
    this.on = true
    this.setFlag(RUSH_FLAGS.begins)
  }

  /**
   * To be called now and then.
   * @param now ms
   */
  tick(now: number): void {
    if (this.on && now - this.lastAt >= OVER_MS) this.end()
  }

  /** No more streams come. */
  end(): void {
    if (!this.on) return
    this.on = false
    this.count = 0
    this.setFlag(RUSH_FLAGS.ends)
  }
}
