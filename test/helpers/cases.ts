import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const root = process.env['MESHGATE_CASES'] ?? fileURLToPath(new URL('../../../shared/cases', import.meta.url))

/** The folder of real configuration written by others, or undefined (with a message) when it is not on this machine. */
export function casesFolder(name: string): string | undefined {
  const folder = join(root, name)
  if (existsSync(folder)) return folder
  console.warn(`SKIPPED: no cases in ${folder}; set MESHGATE_CASES to the folder that holds ${name}/`)
  return undefined
}

const LISTS = ['clusters', 'endpoints', 'listeners', 'routes', 'secrets'] as const
export type RawList = (typeof LISTS)[number]

/** A complete xDS set of Envoy Gateway: lists of Envoy messages in protobuf JSON, and what a real Envoy says to it. */
export interface GatewaySet {
  readonly name: string
  readonly expect: 'accept' | 'reject' | 'environment'
  readonly lists: Readonly<Partial<Record<RawList, readonly Record<string, unknown>[]>>>
}

export function gatewaySets(): readonly GatewaySet[] {
  const folder = casesFolder('envoy-gateway-xds')
  if (!folder) return []
  const verdictFile = readdirSync(folder).find((file) => /^envoy-.*\.json$/.test(file))
  const verdicts = JSON.parse(readFileSync(join(folder, verdictFile!), 'utf8')) as {
    set: string
    expect: GatewaySet['expect']
  }[]
  return verdicts.map(({ set, expect }) => {
    const lists: Partial<Record<RawList, readonly Record<string, unknown>[]>> = {}
    for (const list of LISTS) {
      const file = join(folder, `${set}.${list}.yaml`)
      const messages = existsSync(file) ? parse(readFileSync(file, 'utf8')) : undefined
      if (messages?.length) lists[list] = messages
    }
    return { name: set, expect, lists }
  })
}

/** The set as one EnvoyResource document. */
export function envoyResource(set: GatewaySet): object {
  return {
    apiVersion: 'meshgate.io/v1',
    kind: 'EnvoyResource',
    metadata: { name: set.name },
    spec: set.lists,
  }
}
