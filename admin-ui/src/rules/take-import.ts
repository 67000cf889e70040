import { api, ask } from '../api/client.ts'
import type { Draft, Drafts } from '../change/drafts.ts'
import { type ImportedDocument, importDrafts, type KnownFile } from './import.ts'

/** Asks the control plane for a file. */
const textOf = (file: string) => ask(api.GET('/api/v1/documents/{file}', { params: { path: { file } } }))

/**
 * Makes drafts of documents that have a file, beside those that are there.
 * @param listed the files of the control plane
 * @param drafts where they come to, and where files that were changed already are
 * @param readFile gives a file of the control plane
 * @returns the drafts; none where everything is there already
 */
export async function takeImport(
  documents: readonly ImportedDocument[],
  listed: { readonly files: readonly { readonly file: string }[]; readonly revision: number },
  drafts: Pick<Drafts, 'get' | 'put'>,
  readFile: (file: string) => Promise<{ readonly text?: string; readonly revision: number }> = textOf,
): Promise<readonly Draft[]> {
  /** A file as it stands: its draft, or what the control plane has; undefined where there is none. */
  const knownFile = async (file: string): Promise<KnownFile | undefined> => {
    const draft = drafts.get(file)
    if (draft?.text !== undefined) return { ...draft, text: draft.text }
    if (!there.has(file)) return undefined
    const { text = '', revision } = await readFile(file)
    return { file, base: revision, baseText: text, text }
  }
  const there = new Set(listed.files.map(({ file }) => file))
  const files = new Map<string, KnownFile>()
  for (const name of new Set(documents.map(({ file }) => file))) {
    const known = name === undefined ? undefined : await knownFile(name)
    if (known) files.set(known.file, known)
  }
  const made = importDrafts(documents, files, listed.revision, Date.now()).drafts
  for (const one of made) drafts.put(one)
  return made
}
