import type { Command } from 'commander'
import { DEFAULT_LIMITS } from '../../controlplane/ads/limits.ts'
import type { HostPort } from '../../controlplane/bootstrap/host-port.ts'
import { errorText } from '../../errors/thrown.ts'
import { UsageError } from '../errors.ts'
import type { ControlPlaneOptions, ServerTls } from '../run/control-plane-options.ts'
import type { LogOptions } from '../run/log-options.ts'
import { addressOption, count, durationBetween, httpUrl, redisUrl } from './arguments.ts'
import { type ConsulFlags, consulAddress, withConsulAddress } from './consul.ts'
import { withLogOptions } from './log.ts'

export interface ServerOptions extends ConsulFlags, LogOptions {
  readonly xds: HostPort
  readonly api: HostPort
  readonly xdsCert?: string
  readonly xdsKey?: string
  readonly xdsClientCa?: string
  readonly maxStreams?: number
  /** ms */
  readonly streamAge?: number
  readonly apiCert?: string
  readonly apiKey?: string
  readonly apiClientCa?: string
  readonly apiName?: readonly string[]
  readonly redis?: string
  readonly insecure?: boolean
  readonly consul?: string
  readonly consulDatacenter?: readonly string[]
  readonly stateDir?: string
}

/** Adds the options of commands that run a control plane. */
export function withServerOptions(command: Command): Command {
  const server = withConsulAddress(command)
    .addOption(addressOption('--xds', 'where xDS is served to proxies', 'port 0 allowed', 18000))
    .option('--xds-cert <file>', 'certificate for xDS; needed on addresses that are not loopback')
    .option('--xds-key <file>', 'its private key')
    .option('--xds-client-ca <file>', 'CA that proxies must show a certificate of')
    .option(
      '--max-streams <count>',
      `streams of proxies at a time; who is refused tries another replica (default: ${DEFAULT_LIMITS.streams})`,
      count,
    )
    .option(
      '--stream-age <duration>',
      `a stream ends in peace at this age, ±10 %, so that proxies spread over replicas (default: ${DEFAULT_LIMITS.streamAgeMs / 60_000}m)`,
      durationBetween('1s', '8760h'),
    )
    .addOption(addressOption('--api', 'where the HTTP API is served', 'port 0 allowed', 18080))
    .option('--api-cert <file>', 'certificate for the API; needed on addresses that are not loopback')
    .option('--api-key <file>', 'its private key')
    .option('--api-client-ca <file>', 'CA that clients of the API must show a certificate of')
    .option('--api-name <name>', 'host name the API answers to, several times', several)
    .option(
      '--consul <url>',
      'Consul agent whose services join the mesh (else spec.consul of the Mesh document)',
      httpUrl,
    )
    .option('--consul-datacenter <name>', "another datacenter beside the agent's own, several times", several)
    .option(
      '--state-dir <dir>',
      'where what must outlive a restart is kept, all but the history and users of a folder (default: .meshgate in it)',
    )
    .option(
      '--redis <url>',
      'Redis that replicas share, redis://, rediss://, redis+sentinel:// or redis+cluster://: rate limits, proxies of all replicas (default: $MESHGATE_REDIS_URL)',
      redisUrl,
    )
    .option('--insecure', 'allow addresses that are not loopback without TLS')
  return withLogOptions(server)
}

function several(value: string, before: string[] = []): string[] {
  return [...before, value]
}

/** The options as the control plane wants them. @throws UsageError */
export function controlPlaneOptions(folder: string, options: ServerOptions): Omit<ControlPlaneOptions, 'drainMs'> {
  const { xds, api, insecure = false, apiName = [] } = options
  return {
    folder,
    xds,
    api,
    insecure,
    maxStreams: options.maxStreams,
    streamAgeMs: options.streamAge,
    redis: options.redis ?? redisFromEnvironment(),
    apiNames: apiName,
    stateDir: options.stateDir,
    consul: consul(options),
    xdsTls: tls('xds', options.xdsCert, options.xdsKey, options.xdsClientCa),
    apiTls: tls('api', options.apiCert, options.apiKey, options.apiClientCa),
  }
}

function consul(options: ServerOptions): ControlPlaneOptions['consul'] {
  const { consul: url, consulDatacenter: datacenters } = options
  return { ...consulAddress(options), ...(url === undefined ? {} : { url }), ...(datacenters ? { datacenters } : {}) }
}

function tls(what: string, cert?: string, key?: string, clientCa?: string): ServerTls | undefined {
  if (!cert && !key && !clientCa) return undefined
  if (!cert || !key) throw new UsageError(`--${what}-cert and --${what}-key go together`)
  return { cert, key, clientCa }
}

/** The environment keeps a password out of the list of processes. @throws UsageError */
export function redisFromEnvironment(): string | undefined {
  const text = process.env['MESHGATE_REDIS_URL']
  if (!text) return undefined
  try {
    return redisUrl(text)
  } catch (error) {
    throw new UsageError(`MESHGATE_REDIS_URL: ${errorText(error)}`)
  }
}
