import { infiniteQueryOptions, keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query'
import { api, ask, onSessionEnd, rememberCsrf } from './client.ts'
import { ApiProblem } from './problem.ts'
import type { HeldConfig, Revision, Session } from './schema.ts'

export const queryClient: QueryClient = new QueryClient({
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

// Logged out elsewhere, or the session is over.
onSessionEnd(() => void queryClient.invalidateQueries({ queryKey: ['session'] }))

/** Where nobody can log in because nothing can be changed. */
const READER: Session = { user: '', role: 'viewer', via: 'open' }

/** Kinds of resources by their names in an answer. */
export type ConfigType =
  | 'listeners'
  | 'routes'
  | 'clusters'
  | 'endpoints'
  | 'secrets'
  | 'protocols'
  | 'messageRoutes'
  | 'messageListeners'
  | 'virtualHosts'

/** A request whose way is asked for; headers as `name=value`. */
export interface ExplainQuestion {
  readonly node: string
  readonly url: string
  readonly method: string
  readonly headers: readonly string[]
}

const LEDGER_PAGE = 100
const READ_ONLY_AGAIN_MS = 3_000
/** The window of figures that pages show. */
const FIGURES_SECONDS = 300
/** As long as the control plane remembers them. */
const COURSE_SECONDS = 900
const CHANGES_OF_FILE = 5

const ofService = (hostname: string, window: number) =>
  queryOptions({
    queryKey: ['figures', 'service', hostname, window],
    refetchInterval: 5_000,
    queryFn: ({ signal }) =>
      ask(
        api.GET('/api/v1/services/{hostname}/figures', {
          params: { path: { hostname }, query: { window } },
          signal,
        }),
      ),
  })

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
      // Another process that changes the configuration may end at any time; then this one does.
      refetchInterval: ({ state }) => (state.data?.readOnly ? READ_ONLY_AGAIN_MS : false),
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
      // Nothing happens when an answer of it is overdue.
      refetchInterval: ({ state }) =>
        state.data?.some((one) => one.connected && one.state === 'STALE') ? 2_000 : false,
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
  /** The history by filters; empty ones do not count. */
  ledger: ({ source, who, file }: { readonly source: string; readonly who: string; readonly file: string }) =>
    infiniteQueryOptions({
      queryKey: ['revisions', 'ledger', { source, who, file }],
      initialPageParam: 0,
      queryFn: async ({ pageParam, signal }) => {
        const query = {
          limit: LEDGER_PAGE,
          ...(pageParam > 0 ? { before: pageParam } : {}),
          ...(source ? { source: source as Revision['source'] } : {}),
          ...(who ? { who } : {}),
          ...(file ? { file } : {}),
        }
        return (await ask(api.GET('/api/v1/revisions', { params: { query }, signal }))).revisions
      },
      getNextPageParam: (page) => (page.length < LEDGER_PAGE ? undefined : page.at(-1)?.id),
    }),
  revision: (revision: number) =>
    queryOptions({
      queryKey: ['revisions', revision],
      queryFn: ({ signal }) => ask(api.GET('/api/v1/revisions/{revision}', { params: { path: { revision } }, signal })),
    }),
  /** What differs after `revision` from after `from`, by default the one before. */
  revisionDiff: (revision: number, from?: number) =>
    queryOptions({
      queryKey: ['revisions', revision, 'diff', from],
      enabled: revision > 0,
      queryFn: async ({ signal }) => {
        const params = { path: { revision }, query: from === undefined ? {} : { from } }
        return (await ask(api.GET('/api/v1/revisions/{revision}/diff', { params, signal }))).files
      },
    }),
  convergence: (revision: number) =>
    queryOptions({
      queryKey: ['convergence', revision],
      staleTime: 0,
      queryFn: ({ signal }) =>
        ask(api.GET('/api/v1/revisions/{revision}/convergence', { params: { path: { revision } }, signal })),
    }),
  proxyConfig: (node: string, type: ConfigType) =>
    queryOptions({
      queryKey: ['proxies', node, type],
      queryFn: async ({ signal }) => {
        const params = { path: { node, type } }
        const answer = await ask(api.GET('/api/v1/proxies/{node}/config/{type}', { params, signal }))
        return ((answer as Partial<Record<ConfigType, HeldConfig[]>>)[type] ?? []) as readonly HeldConfig[]
      },
    }),
  proxyExchanges: (node: string) =>
    queryOptions({
      queryKey: ['proxies', node, 'exchanges'],
      refetchInterval: 5_000,
      queryFn: async ({ signal }) =>
        (await ask(api.GET('/api/v1/proxies/{node}/exchanges', { params: { path: { node } }, signal }))).exchanges,
    }),
  proxyLoad: (node: string) =>
    queryOptions({
      queryKey: ['load', node],
      refetchInterval: 5_000,
      queryFn: async ({ signal }) =>
        (await ask(api.GET('/api/v1/proxies/{node}/load', { params: { path: { node } }, signal }))).clusters,
    }),
  service: (hostname: string) =>
    queryOptions({
      queryKey: ['services', hostname],
      queryFn: async ({ signal }) =>
        (await ask(api.GET('/api/v1/services/{hostname}', { params: { path: { hostname } }, signal }))).services,
    }),
  /** What rules do, to one service or to all. */
  policies: (service?: string) =>
    queryOptions({
      queryKey: ['policies', service],
      queryFn: async ({ signal }) => {
        const query = service === undefined ? {} : { service }
        return (await ask(api.GET('/api/v1/policies', { params: { query }, signal }))).policies
      },
    }),
  /** Requests by cluster, as proxies reported them. */
  load: () =>
    queryOptions({
      queryKey: ['load'],
      refetchInterval: 10_000,
      queryFn: async ({ signal }) =>
        (await ask(api.GET('/api/v1/load', { params: { query: { limit: 10_000 } }, signal }))).clusters,
    }),
  /** Registries beside the configuration; no event tells of them. */
  sources: () =>
    queryOptions({
      queryKey: ['sources'],
      refetchInterval: 5_000,
      queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/sources', { signal }))).sources,
    }),
  /** What services got in the last five minutes, by proxies' counters and load reports; those with the most failures first. */
  figures: () =>
    queryOptions({
      queryKey: ['figures'],
      refetchInterval: 5_000,
      queryFn: ({ signal }) =>
        ask(api.GET('/api/v1/figures', { params: { query: { window: FIGURES_SECONDS } }, signal })),
    }),
  /** What one service got in the last five minutes. */
  serviceFigures: (hostname: string) => ofService(hostname, FIGURES_SECONDS),
  /** What one service got, for as long as it is remembered. */
  serviceCourse: (hostname: string) => ofService(hostname, COURSE_SECONDS),
  /** The newest revisions that changed a file. */
  changesOf: (file: string) =>
    queryOptions({
      queryKey: ['revisions', 'file', file],
      queryFn: async ({ signal }) =>
        (await ask(api.GET('/api/v1/revisions', { params: { query: { file, limit: CHANGES_OF_FILE } }, signal })))
          .revisions,
    }),
  /** Who calls whom, with what they did in the last so many seconds. */
  topology: (window = FIGURES_SECONDS) =>
    queryOptions({
      queryKey: ['topology', window],
      refetchInterval: 10_000,
      placeholderData: keepPreviousData,
      queryFn: ({ signal }) => ask(api.GET('/api/v1/topology', { params: { query: { window } }, signal })),
    }),
  maglev: (
    hostname: string,
    { size, subset, keys }: { readonly size?: number; readonly subset: string; readonly keys: string[] },
  ) =>
    queryOptions({
      queryKey: ['services', hostname, 'maglev', { size, subset, keys }],
      placeholderData: keepPreviousData,
      queryFn: ({ signal }) => {
        const query = {
          ...(size === undefined ? {} : { size }),
          ...(subset ? { subset } : {}),
          ...(keys.length > 0 ? { key: keys } : {}),
        }
        return ask(api.GET('/api/v1/services/{hostname}/maglev', { params: { path: { hostname }, query }, signal }))
      },
    }),
  explain: ({ node, url, method, headers }: ExplainQuestion) =>
    queryOptions({
      queryKey: ['explain', { node, url, method, headers }],
      enabled: node !== '' && url !== '',
      queryFn: ({ signal }) => {
        const query = { node, url, method, ...(headers.length > 0 ? { header: [...headers] } : {}) }
        return ask(api.GET('/api/v1/explain', { params: { query }, signal }))
      },
    }),
  tokens: () =>
    queryOptions({
      queryKey: ['tokens'],
      queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/tokens', { signal }))).tokens,
    }),
  users: () =>
    queryOptions({
      queryKey: ['users'],
      queryFn: async ({ signal }) => (await ask(api.GET('/api/v1/users', { signal }))).users,
    }),
  audit: () =>
    infiniteQueryOptions({
      queryKey: ['audit'],
      initialPageParam: 0,
      queryFn: async ({ pageParam, signal }) => {
        const query = { limit: LEDGER_PAGE, ...(pageParam > 0 ? { before: pageParam } : {}) }
        return (await ask(api.GET('/api/v1/audit', { params: { query }, signal }))).entries
      },
      getNextPageParam: (page) => (page.length < LEDGER_PAGE ? undefined : page.at(-1)?.id),
    }),
  /** What this control plane is and where. */
  about: () =>
    queryOptions({
      queryKey: ['about'],
      staleTime: Number.POSITIVE_INFINITY,
      queryFn: ({ signal }) => ask(api.GET('/api/v1/about', { signal })),
    }),
} as const
