import { Command } from 'commander'
import type { HostPort } from '../../controlplane/bootstrap/host-port.ts'
import { UsageError } from '../errors.ts'
import { addressOption, redisUrl } from '../options/arguments.ts'
import { withLogOptions } from '../options/log.ts'
import { redisFromEnvironment } from '../options/server.ts'
import type { LogOptions } from '../run/log-options.ts'

interface Options extends LogOptions {
  readonly listen: HostPort
  readonly metrics: HostPort
  readonly redis?: string
  readonly cert?: string
  readonly key?: string
  readonly clientCa?: string
  readonly insecure?: boolean
}

/** `meshgate ratelimit`: the rate limit service without a control plane, until a signal comes. */
export function ratelimitCommand(): Command {
  const command = new Command('ratelimit')
    .summary('run the rate limit service by itself')
    .description(
      'Reads the RateLimit documents of a folder, watches it, and answers envoy.service.ratelimit.v3 over gRPC. "meshgate serve" ' +
        'and "meshgate up" do that too, on the xDS port; by itself the service can be replicated apart from the control plane:\n' +
        'name it in Mesh.spec.rateLimitService. Without --redis each instance counts alone.',
    )
    .argument('[dir]', 'folder of configuration', '.')
    .addOption(addressOption('--listen', 'where the service listens, gRPC', 'port 0 allowed', 18081))
    .addOption(addressOption('--metrics', 'where /metrics and /healthz are served', 'port 0 allowed', 18082))
    .option('--redis <url>', 'Redis that instances share (default: $MESHGATE_REDIS_URL)', redisUrl)
    .option('--cert <file>', 'certificate of the service; read again when it changes')
    .option('--key <file>', 'its private key')
    .option('--client-ca <file>', 'CA that proxies must show a certificate of')
    .option('--insecure', 'allow addresses that are not loopback without client certificates')
  return withLogOptions(command).action(async (folder: string, options: Options) => {
    const redis = options.redis ?? redisFromEnvironment()
    const [{ startRateLimitServer }, { createLog }, { untilSignal }] = await Promise.all([
      import('../run/ratelimit.ts'),
      import('../run/log.ts'),
      import('../run/until-signal.ts'),
    ])
    const log = createLog(options, process.stdout)
    const signal = untilSignal()
    const { listen, metrics, insecure = false } = options
    const server = await startRateLimitServer({ folder, listen, metrics, redis, insecure, tls: tlsOf(options) }, log)
    log.info({ signal: await signal }, 'stopping')
    await server.stop()
  })
}

function tlsOf({ cert, key, clientCa }: Options) {
  if (!cert && !key && !clientCa) return undefined
  if (!cert || !key) throw new UsageError('--cert and --key go together')
  return { cert, key, ...(clientCa ? { clientCa } : {}) }
}
