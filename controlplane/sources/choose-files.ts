import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { FileInfo } from './file-access.ts'
import { formatBytes, type StoreLimits } from './limits.ts'
import { complainAt } from './yaml-documents.ts'

/** A file that may hold configuration, or one that could not be looked at. */
export interface FoundFile {
  readonly path: string
  /** Undefined when the operating system refused; then `error` says why. */
  readonly info: FileInfo | undefined
  readonly error?: string
  readonly link: boolean
  /** From an earlier look: it cannot be looked at now. */
  readonly kept?: boolean
}

/** The files to read among those found, by path. */
export interface Choice {
  readonly files: ReadonlyMap<string, FoundFile>
  readonly diagnostics: readonly Diagnostic[]
}

/** Leaves out what several links lead to a second time, and what is over the limits of a store. */
export function chooseFiles(
  found: readonly FoundFile[],
  last: ReadonlyMap<string, FoundFile>,
  limits: StoreLimits,
): Choice {
  const diagnostics: Diagnostic[] = []
  const files = limited(distinct([...found].sort(byPath), diagnostics), last, limits, diagnostics)
  return { files: new Map(files.map((file) => [file.path, file])), diagnostics }
}

/** A file that really stands at a path wins over links to it, else the first path does. Hard links are files of their own. */
function distinct(all: readonly FoundFile[], diagnostics: Diagnostic[]): FoundFile[] {
  const real = new Map<string, string>()
  for (const { info, link, path } of all) if (info && !link) real.set(info.identity, path)
  return all.filter(({ info, link, path }) => {
    if (!info || !link) return true
    const first = real.get(info.identity)
    if (first === undefined) real.set(info.identity, path)
    else diagnostics.push(complainAt('SOURCE_SAME_FILE', path, `this file is the same as ${first}`))
    return first === undefined
  })
}

/** Those that were there before come first, so that a new file displaces none; one of them that grew too much stays as it was. */
function limited(
  all: readonly FoundFile[],
  last: ReadonlyMap<string, FoundFile>,
  limits: StoreLimits,
  diagnostics: Diagnostic[],
): FoundFile[] {
  const taken = new Set<FoundFile>()
  const refused: string[] = []
  let bytes = 0
  for (const file of [...all.filter((it) => last.has(it.path)), ...all.filter((it) => !last.has(it.path))]) {
    const size = Math.min(file.info?.size ?? 0, limits.fileBytes)
    if (taken.size >= limits.files || bytes + size > limits.totalBytes) {
      refused.push(file.path)
      continue
    }
    bytes += size
    taken.add(file)
  }
  const first = refused[0]
  if (first === undefined) return [...all]
  const limit = taken.size >= limits.files ? `${limits.files} files` : formatBytes(limits.totalBytes)
  const message = `more than ${limit}: ${refused.length} files are not read, this is the first`
  diagnostics.push(complainAt('SOURCE_TOO_MANY_FILES', first, message))
  return all.flatMap((file) => {
    if (taken.has(file)) return [file]
    const before = last.get(file.path)
    return before ? [{ ...before, kept: true }] : []
  })
}

/** For `sort`: by code units, the same on every machine. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}
