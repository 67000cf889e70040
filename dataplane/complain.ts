/** Between two lines about one thing, in ms: a flood of bad bytes or a host that is down for hours must not fill the log. */
const quietMs = 60_000
/** Things remembered; those said longest ago are forgotten first. */
const mostThings = 1000

const said = new Map<string, { at: number; since: number }>()

/** Where a complaint goes; `more` is how often the same went wrong since it was last said. */
type Way = (thing: string, text: string, more: number) => void

const toStandardError: Way = (thing, text, more) => {
  const often = more > 0 ? ` (and ${more} times more since it was last said)` : ''
  process.stderr.write(`${thing}: ${text}${often}\n`)
}
let way = toStandardError

/** Sends what is complained of from now on elsewhere: a worker tells the first process, so that what all of them see is said once. Default: standard error. */
export function complainTo(other: Way = toStandardError): void {
  way = other
}

/**
 * Says on standard error what went wrong with `thing`, once a minute at most, and how often it did since.
 * @param more how often besides, of which nothing was said
 */
export function complain(thing: string, text: string, now = performance.now(), more = 0): void {
  const last = said.get(thing)
  if (last && now - last.at < quietMs) {
    last.since += 1 + more
    return
  }
  said.delete(thing)
  if (said.size >= mostThings) said.delete(said.keys().next().value!)
  said.set(thing, { at: now, since: 0 })
  way(thing, text, (last?.since ?? 0) + more)
}

/** What an error says in one line; of OpenSSL's the reason, without codes and source files. */
export function reasonOf(error: Error): string {
  const { reason } = error as { readonly reason?: unknown }
  return typeof reason === 'string' ? reason : error.message.trim().replaceAll(/\s*\n\s*/g, '; ')
}
