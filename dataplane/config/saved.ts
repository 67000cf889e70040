import { readFile } from 'node:fs/promises'
import { replaceFile } from '../../files/replace-file.ts'
import { HELD_TYPES, type HeldType } from './held-type.ts'
import type { Incoming, ResourceStore } from './store.ts'

const FORMAT = 1

/** Characters of a piece, more or less. */
const PIECE = 64 * 1024

interface SavedResource {
  readonly type: HeldType
  readonly name: string
  readonly version: string
  readonly bytes: string
}

interface SavedFile {
  readonly format: number
  readonly node: string
  readonly resources: readonly SavedResource[]
}

/**
 * Writes what is held to a file that a later start can serve from. A crash leaves the old copy or the new one; readable by the
 * owner only, because certificates' keys are in it.
 */
export async function save(file: string, node: string, store: ResourceStore): Promise<void> {
  await replaceFile(file, text(node, store.resources()))
}

/** In pieces, since messages wait while one is made. */
function* text(node: string, resources: ReturnType<ResourceStore['resources']>): Generator<string> {
  yield `{"format":${FORMAT},"node":${JSON.stringify(node)},"resources":[`
  let piece = ''
  for (const [index, { type, name, version, bytes }] of resources.entries()) {
    const saved: SavedResource = { type, name, version, bytes: Buffer.from(bytes).toString('base64') }
    piece += `${index > 0 ? ',' : ''}${JSON.stringify(saved)}`
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  yield `${piece}]}`
}

/**
 * Reads a saved copy into an empty store. Another node's copy, another format and resources that cannot be read any more are left out.
 * @returns undefined when there is no file; else what was not taken
 * @throws Error when the file exists and is no saved copy
 */
export async function restore(
  file: string,
  node: string,
  store: ResourceStore,
): Promise<readonly string[] | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const content = parse(file, text)
  if (content.format !== FORMAT) return [`${file} has format ${content.format}, this proxy reads ${FORMAT}`]
  if (content.node !== node) return [`${file} was saved by node ${content.node}`]
  const problems: string[] = []
  for (const type of HELD_TYPES) {
    const incoming = content.resources
      .filter((resource) => resource.type === type)
      .map(({ name, version, bytes }): Incoming => ({ name, version, bytes: Buffer.from(bytes, 'base64') }))
    for (const [name, problem] of store.apply(type, incoming, [])) problems.push(`${type} ${name}: ${problem}`)
  }
  return problems
}

function parse(file: string, text: string): SavedFile {
  try {
    const content = JSON.parse(text) as SavedFile
    if (typeof content.format === 'number' && Array.isArray(content.resources)) return content
  } catch {
    // The message below says it better.
  }
  throw new Error(`${file} is no saved configuration; remove it or name another file`)
}
