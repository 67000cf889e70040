import type { Server as HttpsServer } from 'node:https'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { type PemFiles, SECURE } from '../../certificates/pem-files.ts'
import { SESSION_COOKIE } from './access/access.ts'
import type { AdminContext } from './context.ts'
import { editingRoutes, prepareEditing } from './editing-routes.ts'
import { installBodyBudget, MOST_CONNECTIONS } from './http/body-budget.ts'
import { installErrors } from './http/errors.ts'
import { installGuard } from './http/guard.ts'
import { withRefusals } from './http/refusals.ts'
import { lazySerializers } from './http/serializers.ts'
import { AdminUi } from './http/ui.ts'
import { lazyValidators } from './http/validators.ts'
import { aboutRoutes } from './routes/about.ts'
import { diagnosticRoutes } from './routes/diagnostics.ts'
import { explainRoutes } from './routes/explain.ts'
import { figureRoutes } from './routes/figures.ts'
import { healthRoutes } from './routes/health.ts'
import { kindRoutes } from './routes/kinds.ts'
import { loadRoutes } from './routes/load.ts'
import { maglevRoutes } from './routes/maglev.ts'
import { policyRoutes } from './routes/policies.ts'
import { protocolRoutes } from './routes/protocols.ts'
import { proxyRoutes } from './routes/proxies.ts'
import { serviceRoutes } from './routes/services.ts'
import { sourceRoutes } from './routes/sources.ts'
import { topologyRoutes } from './routes/topology.ts'
import { translateRoutes } from './routes/translate.ts'
import { schemas } from './schemas/index.ts'

export interface AdminOptions {
  readonly log?: FastifyBaseLogger
  /** With a client CA clients must show a certificate it signed. */
  readonly tls?: PemFiles
  /** Host names the API answers to besides addresses and localhost. */
  readonly names?: readonly string[]
  /** Folder of the built admin UI, served at /; without it there are no pages. */
  readonly ui?: string
}

/** The HTTP API, described by itself under /openapi.json. It does not listen yet. */
export async function createAdminServer(context: AdminContext, options: AdminOptions = {}): Promise<FastifyInstance> {
  const { log, tls, names = [], ui } = options
  const app = Fastify({
    ...(log ? { loggerInstance: log } : {}),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024 * 1024,
    routerOptions: { maxParamLength: 1024 },
    schemaController: { compilersFactory: { buildSerializer: lazySerializers, buildValidator: lazyValidators } },
    // Slow clients must not hold connections for ever, nor stop us from closing.
    connectionTimeout: 30_000,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    ...(tls ? { https: { ...SECURE, ...tls.present, requestCert: tls.present.ca !== undefined } } : {}),
  }) as FastifyInstance
  tls?.follow(app.server as HttpsServer)
  const pages = ui === undefined ? undefined : new AdminUi(ui)
  installErrors(app, pages?.otherwise)
  installGuard(app, names)
  for (const schema of schemas) app.addSchema(schema)
  prepareEditing(app, context)
  installBodyBudget(app)
  app.server.maxConnections = MOST_CONNECTIONS
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'meshgate',
        version: context.version,
        description: 'A running mesh: what it is, what its proxies have, and changes of its configuration. JSON.',
      },
      tags: [
        { name: 'proxies', description: 'What proxies get and have.' },
        { name: 'mesh', description: 'What the mesh consists of.' },
        { name: 'config', description: 'Documents and complaints about them.' },
        { name: 'changes', description: 'Plan, apply, follow, undo.' },
        { name: 'access', description: 'Who may do what, and who did.' },
        { name: 'health', description: 'For orchestrators and Prometheus.' },
      ],
      components: {
        securitySchemes: {
          session: {
            ...{ type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
            description: 'Set by login; writes need the header x-csrf-token, too.',
          },
          token: { type: 'http', scheme: 'bearer', description: 'Made by createToken, for scripts.' },
        },
      },
      // The empty one: on loopback, as long as no users are defined.
      security: [{ session: [] }, { token: [] }, {}],
    },
    transform: ({ schema, url, route }) => ({ schema: schema && withRefusals({ ...route, schema }), url }),
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json['$id'] ?? `schema-${index}`) },
  })
  await app.register(async (routes) => {
    aboutRoutes(routes, context)
    healthRoutes(routes, context)
    proxyRoutes(routes, context)
    loadRoutes(routes, context)
    figureRoutes(routes, context)
    diagnosticRoutes(routes, context)
    kindRoutes(routes)
    protocolRoutes(routes, context)
    serviceRoutes(routes, context)
    policyRoutes(routes, context)
    topologyRoutes(routes, context)
    maglevRoutes(routes, context)
    sourceRoutes(routes, context)
    explainRoutes(routes, context)
    translateRoutes(routes, context)
    editingRoutes(routes, context)
    routes.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  })
  await pages?.register(app)
  return app
}
