import { Command } from 'commander'
import { controlPlaneOptions, type ServerOptions, withServerOptions } from '../options/server.ts'

/** `meshgate serve`: the control plane, until a signal comes. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .summary('run the control plane: xDS and HTTP API')
    .description(
      'Reads a folder of YAML, watches it, and serves it to Envoy and gRPC clients over xDS, with an HTTP API beside.\n' +
        'Proxies need no registration. Logs go to stdout. SIGTERM or Ctrl-C stops in order, a second one at once.',
    )
    .argument('[store]', 'folder of configuration, or consul:URL/PREFIX', '.')
  return withServerOptions(command).action(async (folder: string, options: ServerOptions) => {
    const given = controlPlaneOptions(folder, options)
    const [{ startControlPlane }, { createLog }, { untilSignal }] = await Promise.all([
      import('../run/control-plane.ts'),
      import('../run/log.ts'),
      import('../run/until-signal.ts'),
    ])
    const log = createLog(options, process.stdout)
    const signal = untilSignal()
    const controlPlane = await startControlPlane({ ...given, drainMs: 5_000 }, log)
    log.info({ folder, xds: controlPlane.xdsAddress, api: controlPlane.apiUrl }, 'meshgate is up')
    log.info({ signal: await signal }, 'stopping')
    await controlPlane.stop()
  })
}
