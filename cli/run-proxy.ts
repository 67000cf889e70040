import { readFileSync } from 'node:fs'
import { defaultCluster } from '../controlplane/bootstrap/node-id.ts'
import { localAdmin } from '../dataplane/admin/local.ts'
import { AdminServer } from '../dataplane/admin/server.ts'
import { ConfigClient, type ConfigClientOptions } from '../dataplane/config/index.ts'
import { Proxy as MessageProxy } from '../dataplane/proxy.ts'
import { CommandError, UsageError } from './errors.ts'
import { createLog, type Log } from './log.ts'
import type { ProxyCommandOptions } from './proxy.ts'
import { untilSignal } from './until-signal.ts'

/** Runs the message proxy until a signal comes, then drains it. */
export async function runProxy(options: ProxyCommandOptions): Promise<void> {
  if (options.workers > 1) throw new UsageError('--workers: only one process is supported so far')
  const log = createLog(options.logLevel, options.logFormat ?? (process.stdout.isTTY ? 'text' : 'json'), process.stdout)
  const signal = untilSignal()
  const proxy = new MessageProxy()
  let drained: Promise<void> | undefined
  const drain = () => {
    drained ??= proxy.drain(options.drainTime * 1000)
    return drained
  }
  const admin = options.admin && new AdminServer(localAdmin(proxy, () => void drain()))
  if (admin && options.admin) {
    const { host, port } = options.admin
    const found = await admin.listen(host, port).catch((error: Error) => {
      throw new CommandError(`cannot serve --admin on ${host}:${port}: ${error.message}`)
    })
    log.info({ admin: `${host}:${found}` }, 'admin interface')
  }
  const client = new ConfigClient({
    ...clientOptions(options),
    log,
    onConfiguration: (configuration) => {
      proxy.apply(configuration).then(
        (problems) => report(log, proxy, problems),
        (error: unknown) =>
          log.error({ err: error }, 'the configuration could not be put in force; the last one stays'),
      )
    },
  })
  try {
    await client.start().catch((error: Error) => {
      throw new CommandError(error.message)
    })
    log.info({ node: options.node, xds: `${options.xds.host}:${options.xds.port}` }, 'message proxy is up')
    log.info({ signal: await signal }, 'draining')
    await client.stop()
    await drain()
  } finally {
    await client.stop()
    proxy.close()
    admin?.close()
  }
}

function report(
  log: Log,
  { configuration }: MessageProxy,
  problems: readonly { kind: string; name: string; message: string }[],
) {
  for (const { kind, name, message } of problems) log.error({ [kind]: name }, message)
  const { version, listeners, routes, clusters } = configuration
  log.info(
    {
      version,
      listeners: listeners.map(({ name }) => name),
      routes: routes.reduce((sum, table) => sum + table.routes.length, 0),
      clusters: clusters.length,
    },
    'configuration in force',
  )
}

function clientOptions(options: ProxyCommandOptions): Pick<ConfigClientOptions, 'xds' | 'node' | 'tls' | 'cacheFile'> {
  const { node, cluster, metadata, locality, xds, configCache } = options
  const tls = tlsOf(options)
  return {
    xds,
    node: {
      id: node,
      cluster: cluster ?? defaultCluster(node),
      ...(metadata && { metadata }),
      ...(locality && { locality }),
    },
    ...(tls && { tls }),
    ...(configCache !== undefined && { cacheFile: configCache }),
  }
}

function tlsOf({ xdsCa, xdsCert, xdsKey, xdsServerName }: ProxyCommandOptions): ConfigClientOptions['tls'] {
  if (!xdsCa && !xdsCert) return undefined
  const read = (flag: string, file: string) => {
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      throw new CommandError(`${flag}: ${(error as Error).message}`)
    }
  }
  return {
    ...(xdsCa && { ca: read('--xds-ca', xdsCa) }),
    ...(xdsCert && { certificate: read('--xds-cert', xdsCert) }),
    ...(xdsKey && { privateKey: read('--xds-key', xdsKey) }),
    ...(xdsServerName && { serverName: xdsServerName }),
  }
}
