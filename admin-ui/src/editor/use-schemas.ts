import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo, useRef } from 'react'
import { queries } from '../api/queries.ts'
import type { MessageProtocol } from '../api/schema.ts'
import { changeQueries } from '../change/queries.ts'
import type { FieldSchema } from '../forms/schema.ts'
import { type FieldHint, hintAt, type Suggestions, suggestionsAt } from './context-at.ts'

const NO_PROTOCOLS: readonly MessageProtocol[] = []

export interface Schemas {
  /** Whether a kind has a schema; true as long as nobody knows. */
  readonly isKind: (kind: string) => boolean
  /** Undefined until it has come. */
  readonly schemaOf: (kind: string) => FieldSchema | undefined
  /** Hosts of the mesh. */
  readonly hosts: readonly string[]
  /** Fields that Protocols of the mesh declare, maps as the beginning of their entries; and the names of these Protocols. */
  readonly messageFields: readonly string[]
  readonly protocols: readonly string[]
  /** Of the moment they are called; the same functions as long as the page is there. */
  readonly suggest: (text: string, offset: number) => Suggestions | undefined
  readonly hint: (text: string, offset: number) => FieldHint | undefined
}

/** Of documents, of items of Lists, and of whatever else says `kind`. */
const KINDS = /\bkind["']?:\s*["']?(\w+)/g

/** Schemas of the kinds a text names, `shown` first, and what they and the mesh know about a place in it. */
export function useSchemas(text: string, shown: string): Schemas {
  const { data: kinds = [], isPending } = useQuery(changeQueries.kinds())
  const { data: services = [] } = useQuery(queries.services())
  const hosts = useMemo(() => [...new Set(services.map(({ hostname }) => hostname))], [services])
  const { data: declared = NO_PROTOCOLS } = useQuery({ ...changeQueries.protocols(), enabled: shown === 'MsgRouter' })
  const messageFields = useMemo(
    () => [...new Set(declared.flatMap(({ fields, maps }) => [...fields, ...maps.map((map) => `${map}.`)]))],
    [declared],
  )
  const protocols = useMemo(() => declared.map(({ name }) => name), [declared])
  const wanted = useMemo(
    () => [...new Set([shown, ...Array.from(text.matchAll(KINDS), ([, kind]) => kind!)])],
    [text, shown],
  )
  const isKind = (kind: string) => kinds.some((one) => one.kind === kind)
  const loaded = useQueries({ queries: wanted.filter(isKind).map((kind) => changeQueries.schema(kind)) })
  const schemas = useRef(new Map<string, FieldSchema>())
  for (const { data } of loaded) if (data?.title) schemas.current.set(data.title, data)
  const schemaOf = (kind: string) => schemas.current.get(kind)
  const lookups = useRef({ schemaOf, kinds, hosts })
  lookups.current = { schemaOf, kinds, hosts }
  const asked = useRef({
    suggest: (now: string, offset: number) => suggestionsAt(now, offset, lookups.current),
    hint: (now: string, offset: number) => hintAt(now, offset, lookups.current.schemaOf),
  })
  return { isKind: (kind) => isPending || isKind(kind), schemaOf, hosts, messageFields, protocols, ...asked.current }
}
