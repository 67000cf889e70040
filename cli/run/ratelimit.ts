import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { experimental, Server, ServerCredentials } from '@grpc/grpc-js'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { PemFiles, serverNames } from '../../certificates/pem-files.ts'
import { isLoopback } from '../../controlplane/ads/index.ts'
import { type HostPort, hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import type { RateLimitSpec } from '../../controlplane/config/kinds/rate-limit.ts'
import { LiveConfig } from '../../controlplane/live-config.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { createRateLimits } from '../../controlplane/ratelimit/index.ts'
import { FileStore } from '../../controlplane/sources/index.ts'
import { errorText } from '../../errors/thrown.ts'
import { CommandError, UsageError } from '../errors.ts'
import { certificateMetrics } from './certificate-metrics.ts'
import { listening } from './listening.ts'
import type { Log } from './log.ts'
import { logDescriptors } from './log-descriptors.ts'

type Provider = experimental.CertificateProvider
type CaListener = experimental.CaCertificateUpdateListener
type IdentityListener = experimental.IdentityCertificateUpdateListener

export interface RateLimitServerOptions {
  readonly folder: string
  readonly listen: HostPort
  readonly metrics: HostPort
  readonly redis: string | undefined
  /** PEM files; the service speaks without TLS where there are none. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string } | undefined
  /** Listen on addresses that are not loopback. */
  readonly insecure: boolean
}

/**
 * The rate limit service without a control plane. Resolves when it answers.
 * @throws UsageError for addresses everybody can reach
 * @throws CommandError when a port is taken or the folder cannot be read
 */
export async function startRateLimitServer(
  { folder, listen, metrics, redis, tls, insecure }: RateLimitServerOptions,
  log: Log,
): Promise<{ readonly port: number; readonly metricsUrl: string; stop(): Promise<void> }> {
  for (const address of [listen, metrics])
    if (!insecure && !isLoopback(address.host) && !(address === listen && tls?.clientCa))
      throw new UsageError(
        `everybody who reaches ${hostAndPort(address)} could use up limits: ask for client certificates with --client-ca, listen on 127.0.0.1, or say --insecure if the ` +
          'network itself is trusted',
      )
  const pem = tls && certificatesOf(tls, log)
  const mesh = createMesh()
  const config = new LiveConfig(new FileStore({ paths: folder }), mesh)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  if (pem) certificateMetrics(registry, { objects: new Map() }, { ratelimit: () => pem.until })
  const limits = createRateLimits({
    documents: () => mesh.model.world.all<RateLimitSpec>('RateLimit'),
    redis,
    logger: log,
    metrics: registry,
  })
  mesh.onChange(() => limits.configChanged())
  const server = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_receive_message_length': 1024 * 1024 })
  server.addService(
    limits.service.definition,
    limits.service.implementation((address) => ({ address, local: false, identities: undefined })),
  )
  const http = stateServer(registry, () => config.ready)
  const quiet = logDescriptors(log)
  const stop = async () => {
    quiet()
    http.close()
    http.closeAllConnections()
    server.forceShutdown()
    pem?.stop()
    await limits.stop()
    await config.stop()
  }
  try {
    await config.start()
    const credentials = credentialsOf(pem)
    const bind = promisify(server.bindAsync.bind(server))
    const port = await listening('listen', listen, () => bind(hostAndPort(listen), credentials))
    await listening('metrics', metrics, async () => {
      http.listen(metrics.port, metrics.host)
      await once(http, 'listening')
    })
    const metricsUrl = `http://${hostAndPort({ host: metrics.host, port: (http.address() as AddressInfo).port })}`
    log.info(
      { folder, address: hostAndPort({ ...listen, port }), metrics: metricsUrl, store: limits.store },
      'rate limits are served',
    )
    if (limits.store === 'memory')
      log.warn({}, 'without --redis this instance counts alone: with several, each admits the whole limit')
    return { port, metricsUrl, stop }
  } catch (error) {
    await stop()
    throw error instanceof CommandError ? error : new CommandError(errorText(error))
  }
}

/** Serves /metrics, /healthz/live and /healthz/ready; it does not listen yet. */
function stateServer(registry: Registry, ready: () => boolean): HttpServer {
  return createServer(async ({ url }, response) => {
    if (url === '/metrics') {
      response.setHeader('content-type', registry.contentType)
      response.end(await registry.metrics())
    } else if (url === '/healthz/live' || url === '/healthz/ready') {
      response.statusCode = url === '/healthz/live' || ready() ? 200 : 503
      response.end(response.statusCode === 200 ? 'ok\n' : 'reading configuration\n')
    } else {
      response.statusCode = 404
      response.end()
    }
  })
}

/** @throws CommandError for a file that cannot be read or used */
function certificatesOf(tls: NonNullable<RateLimitServerOptions['tls']>, log: Log): PemFiles {
  try {
    return new PemFiles('rate limit service', serverNames(tls), log)
  } catch (error) {
    throw new CommandError(errorText(error))
  }
}

/** What new connections are shown: always what the files last held that could be used. */
function credentialsOf(pem: PemFiles | undefined): ServerCredentials {
  if (!pem) return ServerCredentials.createInsecure()
  const { createCertificateProviderServerCredentials: credentials } = experimental
  const provider = new PemProvider(pem)
  // The first is where its own certificate comes from, the second where the CA of clients does, whatever their names say.
  const { ca } = pem.present
  return ca === undefined ? credentials(provider, null, false) : credentials(provider, provider, true)
}

/** Certificates from files, as gRPC asks for them: who asks hears of them a moment later, since it listens to nothing before it has asked. */
class PemProvider implements Provider {
  readonly #pem: PemFiles
  readonly #authorities = new Set<CaListener>()
  readonly #identities = new Set<IdentityListener>()

  constructor(pem: PemFiles) {
    this.#pem = pem
    pem.follow({
      setSecureContext: () => {
        for (const listener of this.#authorities) this.#tellCa(listener)
        for (const listener of this.#identities) this.#tellIdentity(listener)
      },
    })
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#authorities.add(listener)
    process.nextTick(() => this.#tellCa(listener))
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#authorities.delete(listener)
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identities.add(listener)
    process.nextTick(() => this.#tellIdentity(listener))
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identities.delete(listener)
  }

  #tellCa(listener: CaListener): void {
    const { ca } = this.#pem.present
    listener(ca === undefined ? null : { caCertificate: Buffer.from(ca) })
  }

  #tellIdentity(listener: IdentityListener): void {
    const { cert, key } = this.#pem.present
    listener(
      cert === undefined || key === undefined ? null : { certificate: Buffer.from(cert), privateKey: Buffer.from(key) },
    )
  }
}
