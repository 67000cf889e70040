import { Command, InvalidArgumentError } from 'commander'
import type { HostPort } from '../controlplane/bootstrap/envoy.ts'
import { hostPort, oneOf } from './arguments.ts'
import { required } from './errors.ts'
import { LOG_LEVELS, type LogFormat, type LogLevel } from './log-options.ts'
import { withNodeOptions, withXdsTlsOptions, type XdsClientOptions } from './xds-client-options.ts'

/** What `meshgate proxy` was told. */
export interface ProxyCommandOptions extends XdsClientOptions {
  readonly node: string
  readonly workers: number
  readonly admin?: HostPort
  readonly configCache?: string
  /** Path of a codec module by the name of its protocol. */
  readonly codec?: ReadonlyMap<string, string>
  /** Seconds. */
  readonly drainTime: number
  readonly logLevel: LogLevel
  readonly logFormat?: LogFormat
}

export function proxyCommand(): Command {
  const command = new Command('proxy')
    .summary('run the proxy for private protocols')
    .description(
      'Routes each message of a private TCP protocol, as MsgRouter, MetaRouter and DestinationRule documents of the control plane say.\n' +
        'It goes on with the last configuration while the control plane is gone. SIGTERM or Ctrl-C drains: no new connections, requests ' +
        'in flight are finished; a second one ends it at once.',
    )
  withNodeOptions(command, 'message~10.0.0.1~shop-1.default~default.svc.cluster.local')
  return withXdsTlsOptions(command)
    .option('--workers <n>', 'processes that share the ports', count(1, 256), 1)
    .option('--admin <host:port>', 'serve state and metrics over HTTP there', hostPort('port 0 allowed'))
    .option('--config-cache <file>', 'save the configuration there, and start from it while no control plane answers')
    .option('--codec <name=file>', 'a codec in code for the protocol of this name; may be repeated', codecFile)
    .option('--drain-time <seconds>', 'how long requests in flight may take at the end', count(0, 3600), 30)
    .option('--log-level <level>', LOG_LEVELS.join(', '), oneOf(LOG_LEVELS), 'info')
    .option('--log-format <format>', 'json or text (default: text on a terminal, else json)', oneOf(['json', 'text']))
    .action(async (options: Omit<ProxyCommandOptions, 'node'> & { readonly node?: string }) => {
      const node = required(options.node, '--node')
      const { runProxy } = await import('./run-proxy.ts')
      await runProxy({ ...options, node })
    })
}

function codecFile(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [, name, file] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (!name || !file) throw new InvalidArgumentError('write NAME=FILE, such as trade=./trade-codec.js')
  return new Map([...before, [name, file]])
}

function count(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`write a number from ${least} to ${most}`)
    return value
  }
}
