import { queryOptions } from '@tanstack/react-query'
import { api, ask } from '../api/client.ts'
import type { RevisionFigures } from '../api/schema.ts'
import { linked } from '../forms/linked.ts'
import type { FieldSchema } from '../forms/schema.ts'

/** Queries of the editor and the change flow, by the words events make stale. */
export const changeQueries = {
  rules: () =>
    queryOptions({ queryKey: ['rules'], queryFn: ({ signal }) => ask(api.GET('/api/v1/rules', { signal })) }),
  text: (file: string) =>
    queryOptions({
      queryKey: ['documents', file],
      queryFn: ({ signal }) => ask(api.GET('/api/v1/documents/{file}', { params: { path: { file } }, signal })),
    }),
  figures: (revision: number) =>
    queryOptions({
      queryKey: ['figures', revision],
      retry: false,
      queryFn: ({ signal }): Promise<RevisionFigures> =>
        ask(api.GET('/api/v1/revisions/{revision}/figures', { params: { path: { revision } }, signal })),
    }),
  kinds: () =>
    queryOptions({
      queryKey: ['kinds'],
      staleTime: Number.POSITIVE_INFINITY,
      queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/kinds', { signal }))).kinds,
    }),
  protocols: () =>
    queryOptions({
      queryKey: ['rules', 'protocols'],
      queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/protocols', { signal }))).protocols,
    }),
  schema: (kind: string) =>
    queryOptions({
      queryKey: ['kinds', kind],
      staleTime: Number.POSITIVE_INFINITY,
      queryFn: async ({ signal }): Promise<FieldSchema> =>
        linked(
          (await ask(api.GET('/api/v1/kinds/{kind}/schema', { params: { path: { kind } }, signal }))) as FieldSchema,
        ),
    }),
} as const
