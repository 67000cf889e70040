import { isDeepStrictEqual } from 'node:util'
import { MemorySource } from '../../sources/index.ts'
import type { PlannedFile } from './planner.ts'

/**
 * Whether a change decides which programs run on this machine: `meshgate up` starts what the Mesh document names, and message
 * proxies load the code a Protocol document names.
 */
export function changesPrograms(files: readonly PlannedFile[]): boolean {
  return !isDeepStrictEqual(
    programsOf(files.map(({ file, before }) => [file, before])),
    programsOf(files.map(({ file, after }) => [file, after])),
  )
}

/** Everything that names programs, sorted: it may move from one file to another. */
function programsOf(files: readonly (readonly [string, Uint8Array | undefined])[]): readonly string[] {
  const texts = Object.fromEntries(files.flatMap(([file, bytes]) => (bytes ? [[file, bytes]] : [])))
  return MemorySource.of(texts)
    .snapshot.documents.flatMap(({ value }) => {
      const { kind, metadata, spec } = (value ?? {}) as Partial<Record<'kind' | 'metadata' | 'spec', Fields | null>>
      const { processes, proxies, module } = spec ?? {}
      if (String(kind) === 'Mesh' && (processes ?? proxies)) return [JSON.stringify({ processes, proxies })]
      if (String(kind) === 'Protocol' && module) return [JSON.stringify({ protocol: metadata?.['name'], module })]
      return []
    })
    .sort()
}

type Fields = Readonly<Record<string, unknown>>
