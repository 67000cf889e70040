import { request } from 'node:http'
import { isIP } from 'node:net'
import { asError } from '../../errors/thrown.ts'
import { type FigureBook, STEP_MS } from './figure-book.ts'
import { readPrometheus, STAT_FILTER } from './prometheus.ts'

/** A proxy whose admin interface may be asked, `<ip>:<port>`. */
export interface ScrapeTarget {
  readonly node: string
  readonly address: string
}

export interface ScraperOptions {
  readonly book: FigureBook
  /** Who can be asked now. */
  readonly targets: () => readonly ScrapeTarget[] | Promise<readonly ScrapeTarget[]>
  readonly warn?: (target: ScrapeTarget, error: Error) => void
}

const MOST_TARGETS = 200
const AT_ONCE = 4
const PATIENCE_MS = 3_000
const MOST_BYTES = 16 * 1024 * 1024

/** Reads the counters of proxies again and again, one round after the other. */
export class Scraper {
  readonly #options: ScraperOptions
  readonly #failing = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #known: readonly string[] = []
  #stopped = false

  constructor(options: ScraperOptions) {
    this.#options = options
  }

  start(): void {
    const round = async () => {
      await this.round()
      if (!this.#stopped) this.#timer = setTimeout(() => void round(), STEP_MS).unref()
    }
    this.#timer = setTimeout(() => void round(), 0).unref()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** Nodes whose last reading succeeded. */
  get reading(): readonly string[] {
    return this.#known.filter((node) => !this.#failing.has(node))
  }

  /** Reads every target once. Never fails: who does not answer is told of once, and asked again the next time. */
  async round(): Promise<void> {
    const { book, targets, warn = () => {} } = this.#options
    const wanted = [...(await targets())].slice(0, MOST_TARGETS)
    const nodes = new Set(wanted.map(({ node }) => node))
    for (const node of this.#known) if (!nodes.has(node)) book.forget(node)
    this.#known = [...nodes]
    const queue = [...wanted]
    const work = async () => {
      for (let target = queue.shift(); target && !this.#stopped; target = queue.shift()) {
        const { node } = target
        try {
          book.read(node, readPrometheus(await statsOf(target.address)))
          this.#failing.delete(node)
        } catch (error) {
          book.forget(node)
          if (!this.#failing.has(node)) warn(target, asError(error))
          this.#failing.add(node)
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    for (const node of this.#failing) if (!nodes.has(node)) this.#failing.delete(node)
  }
}

/** Whether an address is `<ip>:<port>` of this machine's loopback: only such are asked, whoever names them. */
export function isLoopbackAddress(address: string): boolean {
  const [, ip = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(address) ?? []
  if (Number(port) < 1 || Number(port) > 65_535) return false
  return isIP(ip) === 4 ? ip.startsWith('127.') : isIP(ip) === 6 && ip === '::1'
}

/** @throws Error when there is no answer in time, or it is no text of figures */
function statsOf(address: string): Promise<string> {
  if (!isLoopbackAddress(address)) return Promise.reject(new Error(`${address} is not on loopback`))
  const url = `http://${address}/stats/prometheus?usedonly&filter=${encodeURIComponent(STAT_FILTER)}`
  return new Promise((resolve, reject) => {
    const call = request(url, { timeout: PATIENCE_MS, agent: false }, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume()
        reject(new Error(`${url} answered ${answer.statusCode}`))
        return
      }
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
        if (text.length > MOST_BYTES) call.destroy(new Error(`${url} answered more than ${MOST_BYTES} bytes`))
      })
      answer.on('end', () => resolve(text))
      answer.on('error', reject)
    })
    call.on('timeout', () => call.destroy(new Error(`${url} did not answer in ${PATIENCE_MS} ms`)))
    call.on('error', reject)
    call.end()
  })
}
