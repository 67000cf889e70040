import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { isLoopback } from '../controlplane/ads/index.ts'
import type { HostPort } from '../controlplane/bootstrap/envoy.ts'
import type { RateLimitSpec } from '../controlplane/config/kinds/rate-limit.ts'
import { LiveConfig } from '../controlplane/live-config.ts'
import { createMesh } from '../controlplane/mesh.ts'
import { createRateLimits } from '../controlplane/ratelimit/index.ts'
import { FileStore } from '../controlplane/sources/index.ts'
import { hostAndPort } from './control-plane.ts'
import { CommandError, UsageError } from './errors.ts'
import type { Log } from './log.ts'

export interface RateLimitServerOptions {
  readonly folder: string
  readonly listen: HostPort
  readonly metrics: HostPort
  readonly redis: string | undefined
  /** Listen on addresses that are not loopback. */
  readonly insecure: boolean
}

/**
 * The rate limit service without a control plane. Resolves when it answers.
 * @throws UsageError for addresses everybody can reach
 * @throws CommandError when a port is taken or the folder cannot be read
 */
export async function startRateLimitServer(
  { folder, listen, metrics, redis, insecure }: RateLimitServerOptions,
  log: Log,
): Promise<{ readonly port: number; readonly metricsUrl: string; stop(): Promise<void> }> {
  for (const address of [listen, metrics])
    if (!insecure && !isLoopback(address.host))
      throw new UsageError(
        `everybody who reaches ${hostAndPort(address)} could use up limits: listen on 127.0.0.1, or say --insecure if the ` +
          'network itself is trusted',
      )
  const mesh = createMesh()
  const config = new LiveConfig(new FileStore({ paths: folder }), mesh)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
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
  const http = createServer(async (request, response) => {
    if (request.url === '/metrics') {
      response.setHeader('content-type', registry.contentType)
      response.end(await registry.metrics())
    } else if (request.url === '/healthz/live' || request.url === '/healthz/ready') {
      response.statusCode = request.url === '/healthz/live' || config.ready ? 200 : 503
      response.end(response.statusCode === 200 ? 'ok\n' : 'reading configuration\n')
    } else {
      response.statusCode = 404
      response.end()
    }
  })
  const stop = async () => {
    http.close()
    http.closeAllConnections()
    server.forceShutdown()
    await limits.stop()
    await config.stop()
  }
  try {
    await config.start()
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(hostAndPort(listen), ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      )
    })
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(metrics.port, metrics.host, resolve)
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
    throw error instanceof CommandError ? error : new CommandError((error as Error).message)
  }
}
