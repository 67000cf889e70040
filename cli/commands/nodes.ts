import { CommandError } from '../errors.ts'
import { type ApiOptions, getFromApi } from './api-client.ts'

/** What a node may be called on the command line. */
export const NODE_HELP = 'node id, or a part of it that no other connected proxy has'
const MOST_SHOWN = 10

/**
 * The node id that is meant: ids are long, people know the workload. What is no part of any id is given back as it is, for ids of
 * proxies that are not connected.
 * @param unknown told that it is of no proxy that is connected
 * @throws CommandError when the part stands in several ids
 */
export async function meantNode(
  options: ApiOptions,
  given: string,
  unknown: (note: string) => void = () => {},
): Promise<string> {
  // Whole by its form: type~address~name~domain.
  if (given.split('~').length >= 4) return given
  const { proxies } = await getFromApi<{ proxies: readonly { readonly node: string }[] }>(options, '/api/v1/proxies')
  const nodes = proxies.map(({ node }) => node)
  const node = chosen(given, nodes)
  if (!nodes.includes(node))
    unknown(`no proxy that is connected has "${given}" in its id: this is for one with just this id`)
  return node
}

/** @throws CommandError when the part stands in several ids and is the whole name of none, or of several */
export function chosen(given: string, nodes: readonly string[]): string {
  const all = [...new Set(nodes)]
  if (all.includes(given)) return given
  const matching = all.filter((node) => node.includes(given))
  // "shop" is the workload shop, not a matter between shop and shop-cache.
  const named = matching.filter((node) =>
    node.split('~').some((part) => part === given || part.split('.')[0] === given),
  )
  const best = named.length > 0 ? named : matching
  if (best.length <= 1) return best[0] ?? given
  const more = best.length - MOST_SHOWN
  throw new CommandError(
    `${given} stands in the ids of ${best.length} proxies; say more of it:\n` +
      best
        .slice(0, MOST_SHOWN)
        .map((node) => `  ${node}`)
        .join('\n') +
      (more > 0 ? `\n  and ${more} more` : ''),
  )
}
