import { Command } from 'commander'
import type { Drain } from '../../controlplane/admin/drain-advice.ts'
import { age, counted, outputFormat, paint, printData, printText, table } from '../output.ts'
import { type ApiOptions, getFromApi, postToApi, withApiOptions } from './api-client.ts'

/** A registry as the API tells it. */
export interface ShownSource {
  readonly name: string
  readonly state: 'syncing' | 'ok' | 'degraded' | 'lost'
  readonly services: number
  readonly followed: number
  readonly instances: number
  readonly lastContact?: string
  readonly ageMs: number
  readonly waiting: number
  readonly error?: string
  readonly held: readonly {
    readonly what: string
    readonly since: string
    readonly before: number
    readonly now: number
    readonly why: string
  }[]
}

/** `meshgate sources`: how registries are doing, and confirming what they lost; exit code 1 when one is lost or something waits. */
export function sourcesCommand(): Command {
  const command = new Command('sources')
    .summary('registries (Consul): how fresh what they told is, and what waits to be confirmed')
    .description(
      'For each registry the running control plane reads: whether it answers, how old what is served from it may be, and lists that ' +
        'lost so much at once that they wait to be confirmed, by time or by "meshgate sources confirm".\n' +
        'Exits with 1 when a registry is lost or something waits.',
    )
    .option('-o, --output <format>', 'text or json', 'text')
  withApiOptions(command).action(async (options: ApiOptions & { output: string }) => {
    const format = outputFormat(options.output, ['text', 'json'])
    const answer = await getFromApi<{ sources: readonly ShownSource[]; drain?: Drain }>(options, '/api/v1/sources')
    if (format === 'json') await printData(answer, 'json')
    else printText(sourcesText(answer.sources) + (answer.drain ? drainText(answer.drain) : ''))
    if (answer.sources.some(({ state, held }) => state === 'lost' || held.length > 0)) process.exitCode = 1
  })
  withApiOptions(
    command
      .command('confirm')
      .summary('believe what waits to be confirmed')
      .description('Believes what a registry told although it lost much: all that waits, or the one thing named.')
      .argument('[what]', 'as "meshgate sources" names it')
      .option('-o, --output <format>', 'text or json', 'text'),
  ).action(async (what: string | undefined, options: ApiOptions & { output: string }) => {
    const format = outputFormat(options.output, ['text', 'json'])
    const body = what === undefined ? {} : { what }
    const { confirmed } = await postToApi<{ confirmed: number }>(options, '/api/v1/sources/confirm', body)
    if (format === 'json') await printData({ confirmed }, 'json')
    else printText(`${counted(confirmed, 'list')} confirmed`)
  })
  return command
}

function sourcesText(sources: readonly ShownSource[], now = Date.now()): string {
  if (sources.length === 0)
    return 'No registry is read. Name one with --consul URL, or spec.consul in the Mesh document.\n'
  const rows = sources.map((source) => [
    source.name,
    paint(source.state, source.state === 'ok' ? 'green' : source.state === 'lost' ? 'red' : 'yellow'),
    String(source.services),
    source.waiting > 0 ? `${source.followed} (${source.waiting} not read yet)` : String(source.followed),
    String(source.instances),
    source.lastContact ? `${age(now - Date.parse(source.lastContact))} ago` : '-',
    source.ageMs > 0 ? age(source.ageMs) : '-',
  ])
  const headers = ['source', 'state', 'services', 'followed', 'instances', 'answered', 'stale by']
  return [
    table(headers, rows),
    ...sources.flatMap((source) => sourceProblems(source, now)).map((one) => `${one}\n`),
  ].join('')
}

function drainText({ samples, p50Ms, p99Ms, waitMs }: Drain): string {
  const measured =
    samples === 0
      ? 'nothing measured yet'
      : `proxies took ${age(p50Ms!)} (p50), ${age(p99Ms!)} (p99) to accept the last ${samples} changes`
  return `\nA backend should go on serving for ${waitMs / 1_000} s after it left the registry: ${measured}.\n`
}

/** What is wrong with a registry, one line each. */
export function sourceProblems({ name, state, ageMs, error, held }: ShownSource, now = Date.now()): readonly string[] {
  const lines: string[] = []
  if (state === 'lost') {
    const inForce =
      ageMs === 0
        ? 'nothing has been read from it yet; proxies are refused until it answers.'
        : `endpoints are ${age(ageMs)} old and stay in force.`
    lines.push(`${paint('LOST', 'red')} ${name}: ${inForce} ${error ?? ''}`.trim())
  }
  if (state !== 'lost' && error) lines.push(`${paint('DEGRADED', 'yellow')} ${name}: ${error}`)
  for (const { what, before, now: left, why, since } of held)
    lines.push(
      `${paint('HELD', 'yellow')} ${what}: ${before} → ${left} (${why}) since ${age(now - Date.parse(since))}; ` +
        `believe it with: meshgate sources confirm '${what}'`,
    )
  return lines
}
