import { readFile } from 'node:fs/promises'
import { replaceFile } from '../../../files/replace-file.ts'
import type { DiscoveredEndpoint } from '../../model/index.ts'
import type { CatalogService } from './services.ts'

const FORMAT = 1

/** What was known of a Consul when it was last asked. */
export interface DiscoveryCache {
  readonly datacenter: string
  /** ms since 1970. */
  readonly savedAt: number
  readonly names: readonly CatalogService[]
  readonly endpoints: ReadonlyMap<string, readonly DiscoveredEndpoint[]>
}

interface SavedFile {
  readonly format: number
  readonly url: string
  readonly datacenter: string
  readonly savedAt: number
  readonly names: readonly CatalogService[]
  readonly endpoints: readonly (readonly [string, readonly DiscoveredEndpoint[]])[]
}

/** Writes what is known for the next start; a crash leaves the old copy or the new one. */
export async function saveCache(file: string, known: Omit<SavedFile, 'format'>): Promise<void> {
  await replaceFile(file, JSON.stringify({ format: FORMAT, ...known }))
}

/** Reads it; undefined when there is none for this Consul. A copy that cannot be read is told and left alone. */
export async function loadCache(
  file: string,
  url: string,
  log: { warn(fields: object, message: string): void },
): Promise<DiscoveryCache | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') log.warn({ file, err: error }, 'what Consul told last cannot be read')
    return undefined
  })
  if (text === undefined) return undefined
  try {
    const saved = JSON.parse(text) as SavedFile
    if (saved.format !== FORMAT || saved.url !== url) return undefined
    const { datacenter, savedAt, names, endpoints } = saved
    if (typeof datacenter !== 'string' || !Array.isArray(names)) throw new Error('a part is missing')
    return { datacenter, savedAt, names, endpoints: new Map(endpoints) }
  } catch (error) {
    log.warn({ file, err: error }, 'what Consul told last is damaged; starting without')
    return undefined
  }
}
