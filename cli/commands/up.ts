import { Command } from 'commander'
import { UsageError } from '../errors.ts'
import { controlPlaneOptions, type ServerOptions, withServerOptions } from '../options/server.ts'

/** `meshgate up`: the control plane and the programs its Mesh document names, until a signal comes. */
export function upCommand(): Command {
  const command = new Command('up')
    .summary('everything on this machine: control plane, API, and what meshgate.yaml names')
    .description(
      'Runs the control plane on a folder of YAML, and the programs its Mesh document names: spec.processes, the ' +
        'message proxies of spec.proxies, and with --envoy its Envoys. What ends is started again; what changes ' +
        'in the document changes here.\n' +
        'Programs in spec.processes are run as you: use it on folders you trust. Ctrl-C leaves nothing behind.',
    )
    .argument('[store]', 'folder of configuration, or consul:URL/PREFIX', '.')
    .option('--envoy', 'start the Envoys of spec.proxies; fetches Envoy once if there is none')
  return withServerOptions(command).action(async (folder: string, options: ServerOptions & { envoy?: boolean }) => {
    const given = controlPlaneOptions(folder, options)
    if (options.envoy && given.xdsTls)
      throw new UsageError(
        '--envoy with --xds-cert: start Envoys with what "meshgate bootstrap --xds-ca …" prints instead',
      )
    const [{ runEverything }, { createLog }] = await Promise.all([
      import('../run/everything.ts'),
      import('../run/log.ts'),
    ])
    await runEverything({ ...given, drainMs: 0, envoy: options.envoy ?? false }, createLog(options, process.stderr))
  })
}
