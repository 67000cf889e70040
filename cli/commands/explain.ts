import { Command } from 'commander'
import type { Explanation, Place, Step } from '../../controlplane/explain/step.ts'
import { required } from '../errors.ts'
import { jsonObject, keyValue } from '../options/arguments.ts'
import { outputFormat, paint, printData, printText } from '../output.ts'
import { type ApiOptions, getFromApi, withApiOptions } from './api-client.ts'
import { meantNode, NODE_HELP } from './nodes.ts'

interface Options extends ApiOptions {
  readonly node?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly method: string
  readonly header?: Readonly<Record<string, string>>
  readonly output: string
}

/** `meshgate explain`: asks a running control plane for the way of a request; exit code 1 when it comes to nothing. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .summary('why a request goes where it goes')
    .description(
      'Follows a request through a proxy: listener, virtual host, route, faults, mirrors, clusters with their shares, ' +
        'endpoints; each step with the line of YAML that decided it, and what hides a host that is declared. Nothing is sent.\n' +
        'Exits with 0 when requests come to endpoints or to an answer that a rule gives, with 1 when they end nowhere or the proxy ' +
        'refuses them because nobody declares the host or the destination, or something hides it.',
    )
    .argument(
      '<url>',
      'http://reviews:9080/path, https://…, tcp://host:port, tls://host:port, or xds:///reviews:9080/path as gRPC dials it',
    )
    .option('--node <id>', `${NODE_HELP} (required); in full it need not be connected`)
    .option('--metadata <json>', 'node metadata; by default that of the connected proxy', jsonObject)
    .option('--method <method>', 'request method', 'GET')
    .option('--header <name=value>', 'request header, several times; host=… overrides the authority', keyValue)
    .option('-o, --output <format>', 'text or json', 'text')
  return withApiOptions(command).action(async (url: string, options: Options) => {
    const format = outputFormat(options.output, ['text', 'json'])
    const node = await meantNode(
      options,
      required(options.node, '--node', 'sidecar~10.0.0.1~shop.default~default.svc.cluster.local'),
      (note) => process.stderr.write(`note: ${note}\n`),
    )
    const query = new URLSearchParams({ node, url: withScheme(url), method: options.method })
    if (options.metadata) query.set('metadata', JSON.stringify(options.metadata))
    for (const [name, value] of Object.entries(options.header ?? {})) query.append('header', `${name}=${value}`)
    const answer = await getFromApi<Explanation>(options, `/api/v1/explain?${query}`)
    if (format === 'json') await printData(answer, 'json')
    else printText(explained(answer))
    // An older control plane does not tell it.
    if (!(answer.found ?? answer.outcome !== 'none')) process.exitCode = 1
  })
}

/** `reviews:9080/path` means HTTP. */
function withScheme(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`
}

/** One block for each step: what it is, in words, and the lines that decided it. */
function explained({ steps }: Explanation): string {
  const width = Math.max(...steps.map(({ step }) => step.length))
  return `${steps.map((step) => block(step, width)).join('\n')}\n`
}

function block({ step, name, detail, share, places }: Step, width: number): string {
  const indent = ' '.repeat(width + 2)
  const shown = share === undefined ? name : `${Number((share * 100).toFixed(2))} % ${name}`
  return [
    `${paint(step.padEnd(width), step === 'end' ? 'yellow' : 'cyan')}  ${paint(shown, 'bold')}`,
    `${indent}${detail}`,
    ...places.map((place) => `${indent}${paint(at(place), 'dim')}`),
  ].join('\n')
}

function at({ file, line, column, document }: Place): string {
  return `${file}:${line}:${column}  ${document}`
}
