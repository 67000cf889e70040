import { compareDiagnostics, type Diagnostic, keptOf, withHint } from '../diagnostics/diagnostic.ts'
import { complain } from '../diagnostics/report.ts'
import type { SourceDocument } from '../sources/document.ts'
import type { RevisionsOf } from '../sources/earlier.ts'
import type { SourceSnapshot } from '../sources/source.ts'
import { type CheckedDocument, checkDocument } from './check.ts'
import type { MeshSpec } from './kinds/mesh.ts'
import type { ConfigObject } from './object.ts'
import { isObject } from './plain-object.ts'
import { type RefusedObject, refusedObject } from './refused.ts'

export { type CheckedDocument, checkDocument } from './check.ts'

/** What is remembered of a document between two loads. */
export interface Entry {
  readonly revision: string
  readonly defaultNamespace: string
  readonly checked: CheckedDocument
  /** The last version without errors; stays in force while a newer one is wrong. */
  readonly lastGood: ConfigObject | undefined
  /** While it is wrong: the newest revision with the version in force; null when none is known, absent when nobody has looked. */
  readonly keptFrom?: number | null
}

/** The configuration in force, and all that is wrong with the documents. Complaints about files stay with the snapshot. */
export interface LoadedConfig {
  /** Objects by key, the oldest first: by metadata.creationTimestamp, then, as in Istio, by name and namespace. */
  readonly objects: ReadonlyMap<string, ConfigObject>
  readonly diagnostics: readonly Diagnostic[]
  /** Documents with errors of which nothing is in force. */
  readonly refused: readonly RefusedObject[]
  /** Per document id; belongs to loadConfig. */
  readonly entries: ReadonlyMap<string, Entry>
}

/**
 * Checks all documents of a snapshot. A document with errors keeps its last valid version, or stays absent when it never had one;
 * the others go on. Documents with the revision they had in `previous` are not checked again and keep their object's identity.
 * @param revisionsOf tells of which revision the versions are that stay in force
 */
export function loadConfig(
  snapshot: SourceSnapshot,
  previous?: LoadedConfig,
  revisionsOf: RevisionsOf = () => new Map(),
): LoadedConfig {
  return (previous && reload(snapshot, previous)) ?? loadAfter(snapshot, previous?.entries, revisionsOf)
}

/** The same for what is remembered of documents before these, whoever remembers it. */
export function loadAfter(
  snapshot: SourceSnapshot,
  previous: ReadonlyMap<string, Entry> | undefined,
  revisionsOf: RevisionsOf,
): LoadedConfig {
  const defaultNamespace = meshNamespace(snapshot, previous)
  const entries = entriesAfter(snapshot.documents, previous, defaultNamespace)
  nameRevisions(entries, revisionsOf)
  const diagnostics: Diagnostic[] = []
  const objects = chooseObjects(snapshot.documents, entries, diagnostics)
  const refused = snapshot.documents.flatMap((document) =>
    entries.get(document.id)!.lastGood ? [] : (refusedObject(document, defaultNamespace) ?? []),
  )
  return { objects, diagnostics: diagnostics.sort(compareDiagnostics), refused, entries }
}

/** What is to be remembered of documents, given what was of those before them. */
export function entriesAfter(
  documents: readonly SourceDocument[],
  previous: ReadonlyMap<string, Entry> | undefined,
  defaultNamespace: string,
): Map<string, Entry> {
  const renamed = previous ? movedDocuments(documents, previous) : new Map<string, Entry>()
  return new Map(
    documents.map((document) => {
      const before = renamed.get(document.id) ?? previous?.get(document.id)
      return [document.id, entryOf(document, before, defaultNamespace)]
    }),
  )
}

/** Whether a document has errors, so that an earlier version of it is in force, or nothing. */
export function isRefused({ checked }: Pick<Entry, 'checked'>): boolean {
  if (checked.object) return false
  return checked.broken === true || checked.diagnostics.some(({ severity }) => severity === 'error')
}

/** Notes of which revision the versions are that stay in force; each document is looked for once. */
function nameRevisions(entries: Map<string, Entry>, revisionsOf: RevisionsOf): void {
  const open = new Map<string, [string, Entry][]>()
  for (const [id, entry] of entries) {
    if (!entry.lastGood || entry.keptFrom !== undefined || !isRefused(entry)) continue
    const { file } = entry.lastGood.source
    open.set(file, [...(open.get(file) ?? []), [id, entry]])
  }
  for (const [file, kept] of open) {
    const texts = new Set(kept.flatMap(([, { lastGood }]) => lastGood?.source.text ?? []))
    const revisions = revisionsOf(file, texts)
    for (const [id, entry] of kept)
      entries.set(id, { ...entry, keptFrom: revisions.get(entry.lastGood?.source.text ?? '') ?? null })
  }
}

/**
 * The usual reload: some documents have another content, and nothing else is different. Only they are looked at, so that one
 * endpoint in a mesh of thousands does not cost a look at every document. Undefined when it is not so simple.
 */
function reload(snapshot: SourceSnapshot, previous: LoadedConfig): LoadedConfig | undefined {
  const { documents } = snapshot
  const defaultNamespace = meshNamespace(snapshot, previous.entries)
  if (documents.length !== previous.entries.size || previous.diagnostics.some(namesAnother)) return undefined
  const changed: SourceDocument[] = []
  const ids = previous.entries.keys()
  for (const document of documents) {
    if (ids.next().value !== document.id) return undefined
    const before = previous.entries.get(document.id)!
    if (before.defaultNamespace !== defaultNamespace) return undefined
    if (before.revision !== document.revision) changed.push(document)
  }
  const entries = new Map(previous.entries)
  const objects = new Map(previous.objects)
  for (const document of changed) {
    const before = previous.entries.get(document.id)!
    const old = before.lastGood
    if (!old || before.checked.diagnostics.length > 0) return undefined
    const entry = entryOf(document, before, defaultNamespace)
    const { object, diagnostics } = entry.checked
    if (!object || object.key !== old.key || diagnostics.length > 0) return undefined
    if (creationTime(object.source.value) !== creationTime(old.source.value)) return undefined
    entries.set(document.id, entry)
    objects.set(object.key, object)
  }
  return { ...previous, objects, entries }
}

/** Whether a complaint tells the place of another document, which may have moved. */
function namesAnother({ code }: Diagnostic): boolean {
  return code === 'OBJECT_DUPLICATE' || code === 'MESH_DUPLICATE'
}

function entryOf(document: SourceDocument, before: Entry | undefined, defaultNamespace: string): Entry {
  if (before?.revision === document.revision && before.defaultNamespace === defaultNamespace) return before
  const checked = checkDocument(document, { defaultNamespace })
  const { revision } = document
  if (checked.object) return { revision, defaultNamespace, checked, lastGood: checked.object }
  const stands = before?.lastGood && sameIdentity(document, before.lastGood, defaultNamespace)
  if (!stands) return { revision, defaultNamespace, checked, lastGood: undefined }
  const { lastGood, keptFrom } = before
  return { revision, defaultNamespace, checked, lastGood, ...(keptFrom === undefined ? {} : { keptFrom }) }
}

/** Whether the (broken) document still claims to be the object; else it is another one, and the old one is gone. */
function sameIdentity({ value }: SourceDocument, object: ConfigObject, defaultNamespace: string): boolean {
  if (!isObject(value)) return true
  const metadata = isObject(value['metadata']) ? value['metadata'] : {}
  const { name, namespace } = metadata
  if (typeof value['kind'] === 'string' && value['kind'] !== object.kind) return false
  if (typeof name === 'string' && name !== object.name) return false
  return typeof namespace === 'string' ? namespace === object.namespace : object.namespace === defaultNamespace
}

/**
 * Documents are known by their place in a file, which shifts when one is put before them. A document whose place is new finds its
 * earlier version by kind, namespace and name in the same file, so that its last valid version is not lost.
 */
function movedDocuments(
  documents: readonly SourceDocument[],
  previous: ReadonlyMap<string, Entry>,
): ReadonlyMap<string, Entry> {
  const changed = documents.filter((document) => {
    const before = previous.get(document.id)
    // A document that still claims to be what was at its place has not moved; usually that is all that changed.
    return before?.revision !== document.revision && before?.lastGood?.key !== (claimedKey(document) ?? '')
  })
  if (changed.length === 0) return new Map()
  const byIdentity = new Map<string, Entry>()
  for (const entry of previous.values()) {
    const good = entry.lastGood
    if (good) byIdentity.set(`${good.source.file} ${good.key}`, entry)
  }
  const found = new Map<string, Entry>()
  for (const document of changed) {
    const key = claimedKey(document)
    const entry = key === undefined ? undefined : byIdentity.get(`${document.file} ${key}`)
    if (entry) found.set(document.id, entry)
  }
  return found
}

/** What a document says it is, valid or not; undefined when it does not say. */
export function claimedKey({ value }: SourceDocument): string | undefined {
  if (!isObject(value) || !isObject(value['metadata'])) return undefined
  const { name, namespace } = value['metadata']
  return `${String(value['kind'])}/${String(namespace ?? 'default')}/${String(name)}`
}

/** The default namespace that the Mesh document states; a broken one counts with its last valid version. */
export function meshNamespace(
  snapshot: Pick<SourceSnapshot, 'documents'>,
  previous: ReadonlyMap<string, Entry> | undefined,
): string {
  for (const document of snapshot.documents) {
    if (!isMesh(document)) continue
    const before = previous?.get(document.id)
    const object = before?.revision === document.revision ? undefined : checkDocument(document).object
    const spec = (object ?? before?.lastGood)?.spec as MeshSpec | undefined
    if (spec?.defaultNamespace) return spec.defaultNamespace
  }
  return 'default'
}

/** Whether a document says that it is a Mesh, whatever else is wrong with it. */
export function isMesh({ value }: SourceDocument): boolean {
  return isObject(value) && value['kind'] === 'Mesh'
}

interface Candidate {
  readonly object: ConfigObject
  readonly created: string
}

/** One object per key, in order of precedence; reports keys that are claimed twice. */
function chooseObjects(
  documents: readonly SourceDocument[],
  entries: ReadonlyMap<string, Entry>,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, ConfigObject> {
  const owners = new Map<string, ConfigObject>()
  const candidates: Candidate[] = []
  let mesh: ConfigObject | undefined
  for (const document of documents) {
    const entry = entries.get(document.id)!
    const fate = entry.lastGood && isRefused(entry) ? keptOf(entry.keptFrom ?? undefined) : undefined
    for (const it of entry.checked.diagnostics) diagnostics.push(fate === undefined ? it : withHint(it, fate))
    const object = entry.lastGood
    if (!object) continue
    const owner = owners.get(object.key) ?? (object.kind === 'Mesh' ? mesh : undefined)
    if (owner) {
      diagnostics.push(duplicate(document, object, owner))
      continue
    }
    owners.set(object.key, object)
    if (object.kind === 'Mesh') mesh = object
    candidates.push({ object, created: creationTime(object.source.value) })
  }
  candidates.sort(
    (a, b) =>
      compare(a.created, b.created) ||
      compare(a.object.name, b.object.name) ||
      compare(a.object.namespace, b.object.namespace),
  )
  return new Map(candidates.map(({ object }) => [object.key, object]))
}

function duplicate(document: SourceDocument, object: ConfigObject, owner: ConfigObject): Diagnostic {
  const { file, line } = owner.source.locate(['metadata', 'name'])
  const where = `${file}:${line}`
  if (object.kind === 'Mesh')
    return complain(document, 'MESH_DUPLICATE', ['kind'], `the mesh is already configured at ${where}`)
  const name = `${object.kind} ${object.namespace}/${object.name}`
  return complain(document, 'OBJECT_DUPLICATE', ['metadata', 'name'], `${name} is already declared at ${where}`)
}

/** Documents without a time come first: they are as old as the folder. */
function creationTime(value: unknown): string {
  if (!isObject(value) || !isObject(value['metadata'])) return ''
  const time = value['metadata']['creationTimestamp']
  const parsed = typeof time === 'string' || time instanceof Date ? new Date(time).getTime() : Number.NaN
  return Number.isNaN(parsed) ? '' : new Date(parsed).toISOString()
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
