import i18next from 'i18next'
import type { Draft } from '../change/drafts.ts'
import { appendDocument } from '../change/merge.ts'
import { same } from '../forms/edits.ts'
import { findObject, nameOf, type ObjectName, objectKey } from '../forms/objects.ts'
import { isMap } from '../forms/schema.ts'
import { explained } from '../i18n/explained.ts'
import { diffToEdits, documentText, type Edit, edit, openText, readDocuments } from '../yaml/index.ts'

/** What becomes of a document that was pasted or dropped. */
export interface ImportedDocument {
  readonly number: number
  /** Undefined: it is no object. */
  readonly name: ObjectName | undefined
  /** `unsupported`: of a kind that is not known here; `broken`: no YAML, or no object. */
  readonly result: 'new' | 'changed' | 'same' | 'unsupported' | 'broken'
  readonly message?: string
  readonly text: string
  /** Where it goes. */
  readonly file?: string
}

/** A file as it stands: its draft where there is one. */
export interface KnownFile {
  readonly file: string
  readonly base: number
  readonly baseText: string | undefined
  readonly text: string
}

export interface ImportOptions {
  readonly kinds: ReadonlySet<string>
  /** Of documents that name none, for the control plane. */
  readonly defaultNamespace: string
  /** Where such documents shall go instead: written into them. */
  readonly namespace?: string
  /** Files of objects that are there, by key. */
  readonly fileOf: (key: string) => string | undefined
  /** Where new objects go. */
  readonly newFile: string
}

/** What each document of a text would do, without the files at hand: those that are there count as changed. */
export function readImport(text: string, options: ImportOptions): readonly ImportedDocument[] {
  const open = openText(text)
  return readDocuments(open).flatMap(({ document, place, value, error }): ImportedDocument[] => {
    const inList = place.length > 0
    const own = documentText(open, document)
    const slice = inNamespace(inList && !error ? withoutCluster(own, value) : own, value, options)
    const ofList = inList ? { message: i18next.t('rules:import.ofList') } : {}
    if (error)
      return [
        {
          number: document + 1,
          name: undefined,
          result: 'broken',
          message: explained(`yaml.${error.code}`, error.message),
          text: slice,
        },
      ]
    if (value === null || value === undefined) return []
    const name = nameOf(value, options.namespace || options.defaultNamespace)
    if (!name) return [{ number: document + 1, name, result: 'broken', message: 'no kind or no name', text: slice }]
    if (!options.kinds.has(name.kind))
      return [{ number: document + 1, name, result: 'unsupported', text: slice, ...ofList }]
    const file = options.fileOf(objectKey(name))
    return [
      {
        number: document + 1,
        name,
        result: file ? 'changed' : 'new',
        text: slice,
        file: file ?? options.newFile,
        ...ofList,
      },
    ]
  })
}

/** An item of a List, as `kubectl get -o yaml` prints it, without what the cluster wrote into it. */
function withoutCluster(text: string, value: unknown): string {
  const metadata = isMap(value) && isMap(value['metadata']) ? value['metadata'] : {}
  const edits: Edit[] = []
  if (isMap(value) && 'status' in value) edits.push({ path: ['status'], op: 'delete' })
  if ('managedFields' in metadata) edits.push({ path: ['metadata', 'managedFields'], op: 'delete' })
  return edit(text, edits, { sharing: 'here' }).text
}

/** The text with the chosen namespace, where it names none. Objects of the whole mesh have none. */
function inNamespace(text: string, value: unknown, { namespace, defaultNamespace }: ImportOptions): string {
  if (!namespace || namespace === defaultNamespace || !isMap(value) || value['kind'] === 'Mesh') return text
  const { metadata } = value
  if (!isMap(metadata) || (metadata['namespace'] ?? '') !== '') return text
  return edit(text, [{ document: 0, path: ['metadata', 'namespace'], op: 'set', value: namespace }], {
    sharing: 'here',
  }).text
}

/**
 * The drafts an import makes. An object that is there keeps its place and layout: only values that differ are written. New objects come behind
 * in a file of their own, as they were pasted.
 */
export function importDrafts(
  documents: readonly ImportedDocument[],
  files: ReadonlyMap<string, KnownFile>,
  newFileBase: number,
  now: number,
): { readonly drafts: readonly Draft[]; readonly same: number } {
  const texts = new Map<string, string>()
  let unchanged = 0
  for (const { name, file, text } of documents) {
    if (!name || file === undefined) continue
    const before = texts.get(file) ?? files.get(file)?.text ?? ''
    const there = findObject(before, name, name.namespace)
    const value = readDocuments(text)[0]?.value
    if (there && same(there.value, value)) {
      unchanged++
      continue
    }
    const edits = there ? diffToEdits(there.value, value, { document: there.document }) : []
    texts.set(file, there ? edit(before, edits, { sharing: 'here' }).text : appendDocument(before, text))
  }
  const drafts = [...texts].map(([file, text]): Draft => {
    const known = files.get(file)
    return { file, base: known?.base ?? newFileBase, baseText: known?.baseText, text, savedAt: now }
  })
  return { drafts, same: unchanged }
}
