import type { SourceDocument } from '../sources/document.ts'
import { type EarlierContents, earlierStates, type LookBack, lookBack, type NamedContent } from '../sources/earlier.ts'
import { defaultReadLimits } from '../sources/limits.ts'
import type { SourceSnapshot } from '../sources/source.ts'
import { readFileInSteps } from '../sources/yaml-documents.ts'
import { checkDocument } from './check.ts'
import { claimedKey, type Entry, entriesAfter, isMesh, isRefused, type LoadedConfig, meshNamespace } from './load.ts'
import type { ConfigObject } from './object.ts'

/**
 * What a process remembered that read the files of a snapshot one content after the other, for those in which a document has errors
 * and no valid version is known: `loadAfter` finds there what has to stay in force. Undefined when there is nothing to look for.
 * Only those files are read, their newest contents, back to where each of the documents was valid. Yields often.
 * @param config the same snapshot, loaded without anything before it
 */
export function* rememberedBefore(
  snapshot: SourceSnapshot,
  config: LoadedConfig,
  earlier: EarlierContents,
): Generator<void, ReadonlyMap<string, Entry> | undefined> {
  const refused = new Map<string, SourceDocument[]>()
  for (const document of snapshot.documents) {
    const entry = config.entries.get(document.id)!
    if (isRefused(entry) && !entry.lastGood)
      refused.set(document.file, [...(refused.get(document.file) ?? []), document])
  }
  if (refused.size === 0) return undefined
  const entries = new Map<string, Entry>()
  for (const { id, file } of snapshot.documents) if (!refused.has(file)) entries.set(id, config.entries.get(id)!)
  const budget = lookBack()
  // A Mesh document says in which namespace all others are: what it said comes first.
  const order = [...refused].sort(([, a], [, b]) => Number(b.some(isMesh)) - Number(a.some(isMesh)))
  for (const [file, documents] of order) {
    const namespace = meshNamespace(snapshot, entries)
    for (const [id, entry] of yield* entriesBefore(file, documents, { earlier, budget, namespace }))
      entries.set(id, entry)
  }
  return entries
}

interface Search {
  readonly earlier: EarlierContents
  readonly budget: LookBack
  /** Of documents that name none. */
  readonly namespace: string
}

/** What was remembered of the documents of one file, by the newest of its contents. */
function* entriesBefore(
  file: string,
  refused: readonly SourceDocument[],
  { earlier, budget, namespace }: Search,
): Generator<void, ReadonlyMap<string, Entry>> {
  const wanted = new Set(refused.map(claimedKey))
  const known = new Map<string, 'valid' | 'refused' | 'nothing'>()
  const verdictOn = (document: SourceDocument) => {
    const checked = checkDocument(document, { defaultNamespace: namespace })
    if (checked.object) return 'valid'
    return isRefused({ checked }) ? 'refused' : 'nothing'
  }
  const states = yield* earlierStates(file, earlier, defaultReadLimits, budget, (documents, all) => {
    let clean = true
    for (const document of documents) {
      const verdict = known.get(document.revision) ?? verdictOn(document)
      known.set(document.revision, verdict)
      if (verdict === 'valid') wanted.delete(claimedKey(document))
      if (verdict === 'refused') clean = false
    }
    // Which version of a document that cannot be read is kept, the content before it says.
    return all && (clean || wanted.size === 0)
  })
  let entries: ReadonlyMap<string, Entry> | undefined
  for (const { documents } of states) {
    // As each reading did: a Mesh document in the same file says it anew.
    const there = documents.some(isMesh) ? meshNamespace({ documents }, entries) : namespace
    entries = entriesAfter(documents, entries, there)
    yield
  }
  return entries ?? new Map()
}

/** Bytes of files that are read for the objects in them: some 50 ms. */
const MOST_REPLACED_BYTES = 256 * 1024

/**
 * The valid objects of files as they were a moment ago, so far as they are not too large to be read for it. Yields often.
 * @param config the present snapshot, loaded
 */
export function* objectsIn(
  files: Iterable<NamedContent>,
  snapshot: SourceSnapshot,
  config: LoadedConfig,
): Generator<void, readonly ConfigObject[]> {
  const objects: ConfigObject[] = []
  const defaultNamespace = meshNamespace(snapshot, config.entries)
  let left = MOST_REPLACED_BYTES
  for (const { file, bytes } of files) {
    if (bytes.length > left) continue
    left -= bytes.length
    const { pieces } = yield* readFileInSteps(file, bytes, defaultReadLimits)
    for (const document of pieces?.flatMap(({ documents }) => documents) ?? []) {
      const { object } = checkDocument(document, { defaultNamespace })
      if (object) objects.push(object)
      yield
    }
  }
  return objects
}
