import { QueryCache, QueryClient, queryOptions } from '@tanstack/react-query'
import { api, ask, rememberCsrf } from './client.ts'
import { ApiProblem } from './problem.ts'
import type { Session } from './schema.ts'

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      // Logged out elsewhere, or the session is over.
      if (error instanceof ApiProblem && error.status === 401 && query.queryKey[0] !== 'session')
        void queryClient.invalidateQueries({ queryKey: ['session'] })
    },
  }),
  defaultOptions: {
    queries: {
      // The API is often on this machine: without a network it is there all the same.
      networkMode: 'always',
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) => failures < 2 && (!(error instanceof ApiProblem) || error.status === 0),
    },
    mutations: { networkMode: 'always' },
  },
})

/** Where nobody can log in because nothing can be changed. */
const READER: Session = { user: '', role: 'viewer', via: 'open' }

/** Queries by the first word of their keys, which events invalidate. */
export const queries = {
  session: () =>
    queryOptions({
      queryKey: ['session'],
      staleTime: Number.POSITIVE_INFINITY,
      queryFn: async ({ signal }): Promise<Session> => {
        try {
          const session = await ask(api.GET('/api/v1/session', { signal }))
          rememberCsrf(session.csrf)
          return session
        } catch (error) {
          if (error instanceof ApiProblem && error.code === 'READ_ONLY') return READER
          throw error
        }
      },
    }),
  proxies: () =>
    queryOptions({
      queryKey: ['proxies'],
      queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/proxies', { signal }))).proxies,
    }),
  proxy: (node: string) =>
    queryOptions({
      queryKey: ['proxies', node],
      queryFn: async ({ signal }) =>
        (await ask(api.GET('/api/v1/proxies/{node}', { params: { path: { node } }, signal }))).proxies,
    }),
  services: () =>
    queryOptions({
      queryKey: ['services'],
      queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/services', { signal }))).services,
    }),
  diagnostics: () =>
    queryOptions({
      queryKey: ['diagnostics'],
      queryFn: ({ signal }) => ask(api.GET('/api/v1/diagnostics', { signal })),
    }),
  documents: () =>
    queryOptions({
      queryKey: ['documents'],
      queryFn: ({ signal }) => ask(api.GET('/api/v1/documents', { signal })),
    }),
  /** The newest revisions. */
  revisions: (limit = 50) =>
    queryOptions({
      queryKey: ['revisions', { limit }],
      queryFn: async ({ signal }) =>
        (await ask(api.GET('/api/v1/revisions', { params: { query: { limit } }, signal }))).revisions,
    }),
} as const
