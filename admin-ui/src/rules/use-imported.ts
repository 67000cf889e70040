import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { queries } from '../api/queries.ts'
import { changeQueries } from '../change/queries.ts'
import type { Dropped } from './dropped.ts'
import { type FoundDocument, findDocuments, freeName } from './import-files.ts'

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
      ...{ namespace, fileOf, newFile },
    }
    return findDocuments(text, dropped.files, options)
  }, [text, dropped, kinds, fileOf, newFile, about, namespace])
}
