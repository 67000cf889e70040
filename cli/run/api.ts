import type { FastifyInstance } from 'fastify'
import { PemFiles, serverNames } from '../../certificates/pem-files.ts'
import type { AdminContext } from '../../controlplane/admin/context.ts'
import { createAdminServer } from '../../controlplane/admin/server.ts'
import { isLoopback } from '../../controlplane/ads/index.ts'
import { hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import { errorText } from '../../errors/thrown.ts'
import { CommandError, UsageError } from '../errors.ts'
import { packageFile } from '../package-file.ts'
import { stateFolder } from './config-store.ts'
import type { ControlPlaneOptions, ServerTls } from './control-plane-options.ts'
import { listening } from './listening.ts'
import type { Log } from './log.ts'
import { storePlace } from './store-place.ts'

/** The folder that `meshgate user --dir` takes for this store. */
function usersDir({ folder, stateDir }: ControlPlaneOptions): string {
  return storePlace(folder).kind === 'file' ? folder : stateFolder(folder, stateDir)
}

/**
 * Serves the HTTP API and the admin UI.
 * @throws UsageError when everybody who reaches the address could change the configuration
 * @throws CommandError when the port is taken
 */
export async function startApi(
  context: AdminContext,
  certificates: PemFiles | undefined,
  options: ControlPlaneOptions,
  log: Log,
): Promise<FastifyInstance> {
  const { api, apiTls, apiNames = [] } = options
  if (!isLoopback(api.host) && context.noEditing?.closed) throw new CommandError(context.noEditing.reason)
  if (!isLoopback(api.host) && !apiTls?.clientCa && (context.editing?.accounts.users().length ?? 0) === 0)
    throw new UsageError(
      `the API on ${hostAndPort(api)} lets people change the configuration, and no users are defined: create one with ` +
        `"meshgate user add NAME --role admin --dir ${usersDir(options)}", ask for client certificates with --api-client-ca, ` +
        'or listen on 127.0.0.1',
    )
  const app = await createAdminServer(context, {
    log,
    names: apiNames,
    ui: packageFile('dist/admin-ui/pages'),
    ...(certificates ? { tls: certificates } : {}),
  })
  await listening('api', api, () =>
    app.listen({ host: api.host, port: api.port, listenTextResolver: (address) => `API and admin UI at ${address}` }),
  )
  return app
}

/** The certificates of the API; undefined without TLS. @throws CommandError when a file cannot be read or used */
export function apiCertificates(files: ServerTls | undefined, log: Log): PemFiles | undefined {
  try {
    return files && new PemFiles('API', serverNames(files), log)
  } catch (error) {
    throw new CommandError(errorText(error))
  }
}

/** Where an API that was started is, as browsers take it: a port that was 0 is known now. */
export function urlOf(api: FastifyInstance, { api: { host }, apiTls }: ControlPlaneOptions): string {
  const { port } = api.server.address() as { port: number }
  return `${apiTls ? 'https' : 'http'}://${hostAndPort({ host, port })}`
}
