import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { queries } from '../api/queries.ts'
import { changeQueries } from '../change/queries.ts'
import type { Dropped } from './dropped.ts'
import { type ImportedDocument, readImport } from './import.ts'

/** A document, and the file it was found in; `from` is empty for what was pasted. */
export type FoundDocument = ImportedDocument & { readonly from: string }

/**
 * Each document of a pasted text and of dropped files, and what would become of it.
 * @param namespace of documents that name none; empty: the control plane's
 */
export function useImported(text: string, dropped: Dropped, namespace: string): readonly FoundDocument[] {
  const { data: kinds } = useQuery(changeQueries.kinds())
  const { data: rules } = useQuery(changeQueries.rules())
  const { data: listed } = useQuery(queries.documents())
  const { data: about } = useQuery(queries.about())
  const fileOf = useMemo(() => {
    const files = new Map(rules?.rules.map(({ key, file }) => [key, file]))
    return (key: string) => files.get(key)
  }, [rules])
  const newFile = freeName('imported', new Set(listed?.files.map(({ file }) => file)))
  return useMemo(() => {
    const options = {
      kinds: new Set(kinds?.map(({ kind }) => kind)),
      defaultNamespace: about?.defaultNamespace ?? 'default',
      namespace,
      fileOf,
    }
    // What is new in a file comes into one of its name.
    const sources = [
      { from: '', newFile, text },
      ...dropped.files.map(({ path, text }) => ({
        from: path,
        newFile: path.replace(/\.(json|yml)$/i, '.yaml'),
        text,
      })),
    ]
    return sources.flatMap(({ from, newFile, text }) =>
      readImport(text, { ...options, newFile }).map((one) => ({ ...one, from })),
    )
  }, [text, dropped, kinds, fileOf, newFile, about, namespace])
}

function freeName(stem: string, taken: ReadonlySet<string>): string {
  let name = `${stem}.yaml`
  for (let i = 2; taken.has(name); i++) name = `${stem}-${i}.yaml`
  return name
}
