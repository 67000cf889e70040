import { Command } from 'commander'
import type { HostPort } from '../controlplane/bootstrap/envoy.ts'
import { addressOption, oneOf, redisUrl } from './arguments.ts'
import { LOG_LEVELS, type LogFormat, type LogLevel } from './log-options.ts'
import { redisFromEnvironment } from './server-options.ts'

interface Options {
  readonly listen: HostPort
  readonly metrics: HostPort
  readonly redis?: string
  readonly insecure?: boolean
  readonly logLevel: LogLevel
  readonly logFormat?: LogFormat
}

export function ratelimitCommand(): Command {
  return new Command('ratelimit')
    .summary('run the rate limit service by itself')
    .description(
      'Reads the RateLimit documents of a folder, watches it, and answers envoy.service.ratelimit.v3 over gRPC. "meshgate serve"\n' +
        'and "meshgate up" do that too, on the xDS port; by itself the service can be replicated apart from the control plane:\n' +
        'name it in Mesh.spec.rateLimitService. Without --redis each instance counts alone.',
    )
    .argument('[dir]', 'folder of configuration', '.')
    .addOption(addressOption('--listen', 'where the service listens, gRPC without TLS', 'port 0 allowed', 18081))
    .addOption(addressOption('--metrics', 'where /metrics and /healthz are served', 'port 0 allowed', 18082))
    .option('--redis <url>', 'Redis that instances share (default: $MESHGATE_REDIS_URL)', redisUrl)
    .option('--insecure', 'allow addresses that are not loopback')
    .option('--log-level <level>', LOG_LEVELS.join(', '), oneOf(LOG_LEVELS), 'info')
    .option('--log-format <format>', 'json or text (default: text on a terminal, else json)', oneOf(['json', 'text']))
    .action(async (folder: string, options: Options) => {
      const redis = options.redis ?? redisFromEnvironment()
      const [{ startRateLimitServer }, { createLog }, { untilSignal }] = await Promise.all([
        import('./run-ratelimit.ts'),
        import('./log.ts'),
        import('./until-signal.ts'),
      ])
      const log = createLog(
        options.logLevel,
        options.logFormat ?? (process.stdout.isTTY ? 'text' : 'json'),
        process.stdout,
      )
      const signal = untilSignal()
      const server = await startRateLimitServer(
        { folder, listen: options.listen, metrics: options.metrics, redis, insecure: options.insecure ?? false },
        log,
      )
      log.info({ signal: await signal }, 'stopping')
      await server.stop()
    })
}
