/** Between two lines about one thing, in ms: a flood of bad bytes or a host that is down for hours must not fill the log. */
const quietMs = 60_000
/** Things remembered; those said longest ago are forgotten first. */
const mostThings = 1000

const said = new Map<string, { at: number; since: number }>()

/** Says on standard error what went wrong with `thing`, once a minute at most, and how often it did since. */
export function complain(thing: string, text: string, now = performance.now()): void {
  const last = said.get(thing)
  if (last && now - last.at < quietMs) {
    last.since++
    return
  }
  said.delete(thing)
  if (said.size >= mostThings) said.delete(said.keys().next().value!)
  said.set(thing, { at: now, since: 0 })
  const more = last && last.since > 0 ? ` (and ${last.since} times more since it was last said)` : ''
  process.stderr.write(`${thing}: ${text}${more}\n`)
}

/** What an error says in one line; of OpenSSL's the reason, without codes and source files. */
export function reasonOf(error: Error): string {
  const { reason } = error as { readonly reason?: unknown }
  return typeof reason === 'string' ? reason : error.message.trim().replaceAll(/\s*\n\s*/g, '; ')
}
