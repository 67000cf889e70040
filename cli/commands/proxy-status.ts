import { Command } from 'commander'
import type { Diagnostics } from '../../controlplane/admin/analyze.ts'
import type { ProxyLoad, ProxyOnDemand, ProxyStatus, ProxyTypeStatus } from '../../controlplane/admin/proxies.ts'
import { ENVOY_TYPES, RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import { age, type Colour, counted, outputFormat, paint, printData, printText, table } from '../output.ts'
import { complaintLines } from './analyze.ts'
import { type ApiOptions, getFromApi, withApiOptions } from './api-client.ts'
import { meantNode, NODE_HELP } from './nodes.ts'
import { type ShownSource, sourceProblems } from './sources.ts'

const COLOURS: Readonly<Record<string, Colour>> = { SYNCED: 'green', STALE: 'yellow', NACK: 'red', 'NOT SENT': 'dim' }

/** The rest is for `meshgate analyze`. */
const SHOWN_ERRORS = 5

/** `meshgate proxy-status`: asks a running control plane how its proxies stand. */
export function proxyStatusCommand(): Command {
  const command = new Command('proxy-status')
    .summary('whether each proxy has what it shall have')
    .description(
      'For each connected proxy and type of resources: SYNCED (has accepted all there is), STALE (something is on its way), ' +
        'NACK (it refuses something; the reason and the line of YAML are shown) or NOT SENT (nothing was there to send). ' +
        'Errors in the configuration itself are listed below: proxies have what was in force before.\n' +
        'Exits with 1 when a proxy refuses something.',
    )
    .argument('[node]', `show one proxy in detail: its ${NODE_HELP}`)
    .option('-o, --output <format>', 'text or json', 'text')
  return withApiOptions(command).action(async (given: string | undefined, options: ApiOptions & { output: string }) => {
    const format = outputFormat(options.output, ['text', 'json'])
    const node = given === undefined ? undefined : await meantNode(options, given)
    const path = node === undefined ? '/api/v1/proxies' : `/api/v1/proxies/${encodeURIComponent(node)}`
    const answer = await getFromApi<{ proxies: readonly ProxyStatus[]; complete?: boolean }>(options, path)
    const { sources } = await getFromApi<{ sources: readonly ShownSource[] }>(options, '/api/v1/sources')
    const { diagnostics } = await getFromApi<Diagnostics>(options, '/api/v1/diagnostics')
    const errors = diagnostics.filter((it) => it.severity === 'error' && !isShown(it, answer.proxies))
    if (format === 'json') await printData({ ...answer, sources, errors }, 'json')
    else
      printText(node === undefined ? overview(answer.proxies) : answer.proxies.map((proxy) => detail(proxy)).join('\n'))
    const problems = format === 'json' ? [] : sources.flatMap((source) => sourceProblems(source))
    if (problems.length > 0) printText(`\n${problems.join('\n')}`)
    if (format === 'text' && errors.length > 0) printText(`\n${errorsText(errors)}`)
    if (format === 'text' && answer.complete === false)
      printText(`${paint('Other replicas cannot be asked: only the proxies of this one are shown.', 'yellow')}\n`)
    if (answer.proxies.some(({ state, connected }) => connected && state === 'NACK')) process.exitCode = 1
  })
}

/**
 * Whether it is a refusal that a proxy has in its line. Who came after it has none: what was refused is not even sent, so everything of that
 * proxy is SYNCED, without the resource.
 */
export function isShown(
  { code, file, line, column }: Diagnostics['diagnostics'][number],
  proxies: readonly ProxyStatus[],
): boolean {
  if (code !== 'XDS_REJECTED') return false
  const refused = proxies.flatMap(({ types }) => types.flatMap(({ rejected }) => rejected?.places ?? []))
  return refused.some((place) => place.file === file && place.line === line && place.column === column)
}

/** What is wrong with the configuration itself, which no proxy can tell: it has what was in force before. */
function errorsText(errors: Diagnostics['diagnostics']): string {
  const more = errors.length - SHOWN_ERRORS
  return [
    `${paint(`${counted(errors.length, 'error')} in the configuration`, 'red')}: what is written there is not all in force`,
    ...errors.slice(0, SHOWN_ERRORS).flatMap((error) => complaintLines(error)),
    ...(more > 0 ? [`… and ${more} more: "meshgate analyze" has all`] : []),
    '',
  ].join('\n')
}

/** One line for each proxy, then what is refused. */
function overview(proxies: readonly ProxyStatus[], now = Date.now()): string {
  if (proxies.length === 0)
    return 'No proxy is connected. Start one with what "meshgate bootstrap --node ID" prints, or "meshgate up --envoy".\n'
  const shown = RESOURCE_TYPES.filter(
    (type) =>
      (ENVOY_TYPES as readonly ResourceType[]).includes(type) ||
      proxies.some(({ types }) => types.some((one) => one.type === type)),
  )
  const replicas = proxies.some(({ replica }) => replica !== undefined)
  const rows = proxies.map((proxy) => [
    proxy.node,
    ...shown.map((type) => stateOf(proxy.types.find((one) => one.type === type))),
    proxy.mode,
    proxy.connected ? age(now - Date.parse(proxy.connectedAt)) : paint('gone', 'yellow'),
    proxy.userAgent,
    ...(replicas ? [proxy.replica ?? 'this one'] : []),
  ])
  const headers = ['node', ...shown, 'mode', 'age', 'client', ...(replicas ? ['replica'] : [])]
  const refused = proxies.flatMap((proxy) => [
    ...proxy.types.flatMap((type) => refusal(proxy.node, type)),
    ...noticesOf(proxy).map((notice) => `${paint('WARN', 'yellow')} ${proxy.node}: ${notice}`),
  ])
  return table(headers, rows) + (refused.length > 0 ? `\n${refused.join('\n')}\n` : '')
}

/** One proxy with times and versions. */
function detail(proxy: ProxyStatus, now = Date.now()): string {
  const since = (time: string | undefined) => (time ? `${age(now - Date.parse(time))} ago` : '-')
  const facts = [
    ['node', proxy.node],
    ['cluster', proxy.cluster],
    ['locality', proxy.locality || '-'],
    ['client', `${proxy.userAgent || '-'} (${proxy.mode})`],
    ['peer', `${proxy.peer}${proxy.identities ? `, certificate for ${proxy.identities.join(', ')}` : ''}`],
    [
      'connected',
      proxy.connected ? since(proxy.connectedAt) : paint(`no, gone ${since(proxy.disconnectedAt)}`, 'yellow'),
    ],
    ...(proxy.onDemand ? [['on demand', onDemandText(proxy.onDemand)]] : []),
    ...(proxy.replica ? [['replica', proxy.replica]] : []),
    ...(proxy.load ? [['load', loadText(proxy.load, since)]] : []),
  ]
  const rows = proxy.types.map((type) => [
    type.type,
    stateOf(type),
    type.subscribed,
    type.sent?.nonce ?? '-',
    since(type.sent?.at),
    type.acked?.nonce ?? '-',
    since(type.acked?.at),
  ])
  const refused = [
    ...proxy.types.flatMap((type) => refusal(undefined, type)),
    ...noticesOf(proxy).map((notice) => `${paint('WARN', 'yellow')} ${notice}`),
  ]
  return [
    facts.map(([name, value]) => `${paint(name!.padEnd(10), 'dim')} ${value}`).join('\n'),
    '',
    table(['type', 'state', 'names', 'sent', 'when', 'acked', 'when'], rows),
    ...refused,
    '',
  ].join('\n')
}

/** Absent in what older replicas tell. */
function noticesOf({ notices, onDemand }: ProxyStatus): readonly string[] {
  return [...(notices ?? []), ...(onDemand?.notices ?? [])]
}

function onDemandText({ clusters, learned, evicted, workload }: ProxyOnDemand): string {
  return `${counted(clusters, 'cluster')}; ${learned} learned for ${workload}, ${evicted} evicted so far`
}

function loadText(load: ProxyLoad, since: (time: string) => string): string {
  const { clusters, used, issued, failed, inProgress, dropped, intervalMs, reporting, reportedAt } = load
  const parts = [
    `${counted(issued, 'request')}, ${failed} failed, ${inProgress} in progress`,
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
    `${used} of ${counted(clusters, 'cluster')} used in the last ${Math.round(intervalMs / 1000)} s`,
    reporting ? `reported ${since(reportedAt)}` : paint(`last report ${since(reportedAt)}`, 'yellow'),
  ]
  return parts.join('; ')
}

function stateOf(type: ProxyTypeStatus | undefined): string {
  return type ? paint(type.state, COLOURS[type.state] ?? 'dim') : '-'
}

function refusal(node: string | undefined, { type, rejected }: ProxyTypeStatus): readonly string[] {
  if (!rejected) return []
  const { message, resources, places } = rejected
  const who = `${node === undefined ? '' : `${node} `}${type}`
  return [
    `${paint('NACK', 'red')} ${who}${resources.length > 0 ? ` ${resources.join(', ')}` : ''}: ${message}`,
    ...places.map(({ file, line, column, document }) => `     from ${file}:${line}:${column} (${document})`),
  ]
}
