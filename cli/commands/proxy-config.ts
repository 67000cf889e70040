import { Argument, Command } from 'commander'
import type { HeldConfig } from '../../controlplane/admin/proxies.ts'
import { outputFormat, paint, printData, printText, table } from '../output.ts'
import { type ApiOptions, getFromApi, withApiOptions } from './api-client.ts'
import { meantNode, NODE_HELP } from './nodes.ts'

const KINDS = ['clusters', 'listeners', 'routes', 'endpoints', 'secrets'] as const
type Kind = (typeof KINDS)[number]
type Held = { readonly node: string } & Readonly<Partial<Record<Kind, readonly HeldConfig[]>>>

/** `meshgate proxy-config`: asks a running control plane what a proxy was sent and acknowledged. */
export function proxyConfigCommand(): Command {
  const command = new Command('proxy-config')
    .summary('what a connected proxy was sent and acknowledged')
    .description(
      'Lists the resources a connected proxy has, their versions and the lines of YAML they come from.\n' +
        'With -o json or yaml the resources themselves are printed, secrets redacted.',
    )
    .addArgument(new Argument('<kind>', 'kind of resources').choices([...KINDS, 'all']))
    .argument('<node>', NODE_HELP)
    .option('--name <text>', 'only resources whose name contains this')
    .option('-o, --output <format>', 'text, json or yaml', 'text')
  return withApiOptions(command).action(
    async (kind: Kind | 'all', given: string, options: ApiOptions & { output: string; name?: string }) => {
      const format = outputFormat(options.output, ['text', 'json', 'yaml'])
      const node = await meantNode(options, given)
      const all = await getFromApi<Held>(options, `/api/v1/proxies/${encodeURIComponent(node)}/config/${kind}`)
      const held = options.name === undefined ? all : onlyNamed(all, options.name)
      if (format === 'text') printText(listing(held))
      else await printData(held, format)
    },
  )
}

function onlyNamed(held: Held, name: string): Held {
  const lists = KINDS.flatMap((kind) => {
    const list = held[kind]
    return list ? [[kind, list.filter((resource) => resource.name.includes(name))]] : []
  })
  return { node: held.node, ...Object.fromEntries(lists) }
}

/** A table for each kind. */
function listing(held: Held): string {
  const parts = KINDS.flatMap((kind) => {
    const list = held[kind]
    if (!list) return []
    const rows = list.map(({ name, version, acknowledged, places }) => [
      name,
      version,
      acknowledged ? paint('acknowledged', 'green') : paint('sent', 'yellow'),
      placesText(places),
    ])
    return [rows.length > 0 ? table([kind, 'version', 'state', 'from'], rows) : `${kind.toUpperCase()}: none\n`]
  })
  return parts.length > 0 ? parts.join('\n') : 'The proxy asks for nothing of this kind.\n'
}

function placesText(places: HeldConfig['places']): string {
  const [first, ...more] = places
  if (!first) return '-'
  return `${first.file}:${first.line}${more.length > 0 ? paint(` and ${more.length} more`, 'dim') : ''}`
}
