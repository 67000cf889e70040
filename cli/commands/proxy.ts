import { Command, InvalidArgumentError } from 'commander'
import type { HostPort } from '../../controlplane/bootstrap/host-port.ts'
import { required } from '../errors.ts'
import { hostPort, numberBetween } from '../options/arguments.ts'
import { withLogOptions } from '../options/log.ts'
import { withNodeOptions, withXdsTlsOptions, type XdsClientOptions, xdsTlsFiles } from '../options/xds-client.ts'
import type { LogOptions } from '../run/log-options.ts'

interface Options extends XdsClientOptions, LogOptions {
  readonly workers: number
  readonly admin?: HostPort
  readonly configCache?: string
  readonly codec?: ReadonlyMap<string, string>
  readonly drainTime: number
}

/** `meshgate proxy`: the message proxy, until a signal comes. */
export function proxyCommand(): Command {
  const command = new Command('proxy')
    .summary('run the proxy for private protocols')
    .description(
      'Routes each message of a private TCP protocol, as MsgRouter, MetaRouter and DestinationRule documents of the control plane say.\n' +
        'It goes on with the last configuration while the control plane is gone. SIGTERM or Ctrl-C drains: no new connections, requests ' +
        'in flight are finished; a second one ends it at once.',
    )
  withNodeOptions(command, 'message~10.0.0.1~shop-1.default~default.svc.cluster.local')
  withXdsTlsOptions(command)
    .option('--workers <n>', 'processes that share the ports', numberBetween(1, 256), 1)
    .option('--admin <host:port>', 'serve state and metrics over HTTP there', hostPort('port 0 allowed'))
    .option('--config-cache <file>', 'save the configuration there, and start from it while no control plane answers')
    .option('--codec <name=file>', 'a codec in code for the protocol of this name; may be repeated', codecFile)
    .option('--drain-time <seconds>', 'how long requests in flight may take at the end', numberBetween(0, 3600), 30)
  return withLogOptions(command).action(async (options: Options) => {
    const node = required(options.node, '--node', 'message~10.0.0.1~shop.default~default.svc.cluster.local')
    const { runProxy } = await import('../run/proxy.ts')
    await runProxy({ ...options, node, tls: xdsTlsFiles(options) })
  })
}

function codecFile(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [, name, file] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (!name || !file) throw new InvalidArgumentError('write NAME=FILE, such as trade=./trade-codec.js')
  return new Map([...before, [name, file]])
}
