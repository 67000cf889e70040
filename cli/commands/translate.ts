import { Command } from 'commander'
import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import { CommandError, required } from '../errors.ts'
import { jsonObject, locality, nodeId, oneOf } from '../options/arguments.ts'
import { outputFormat, printData } from '../output.ts'

interface Options {
  readonly node?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly locality?: ReturnType<typeof locality>
  readonly type: ResourceType | 'all'
  readonly format: 'resources' | 'envoy'
  readonly output: string
}

/** `meshgate translate`: what a proxy would get of a folder; exit code 1 when there are errors, told on stderr. */
export function translateCommand(): Command {
  return new Command('translate')
    .summary('what a proxy would get, offline')
    .description(
      'Compiles a folder for one proxy and prints its resources as Envoy messages (canonical protobuf JSON, as in the spec ' +
        'of an EnvoyResource), secrets redacted. With --format envoy: one bootstrap file that an Envoy runs without a control ' +
        'plane; private keys of the folder stand in it in plain. Complaints go to stderr; exits with 1 when there are errors.',
    )
    .argument('<dir>', 'folder (or file) of configuration')
    .option('--node <id>', 'node id of the proxy (required)', nodeId)
    .option(
      '--metadata <json>',
      'node metadata, such as \'{"NAMESPACE":"default","LABELS":{"app":"shop"}}\'',
      jsonObject,
    )
    .option('--locality <r/z/s>', 'region/zone/subzone of the node', locality)
    .option('--type <type>', `${RESOURCE_TYPES.join(', ')} or all`, oneOf([...RESOURCE_TYPES, 'all']), 'all')
    .option('--format <format>', 'resources or envoy', oneOf(['resources', 'envoy']), 'resources')
    .option('-o, --output <format>', 'yaml or json', 'yaml')
    .addHelpText(
      'after',
      `
Example:
  meshgate translate config/ --node sidecar~10.0.0.1~shop.default~default.svc.cluster.local --format envoy > envoy.yaml
  envoy --mode validate -c envoy.yaml`,
    )
    .action(async (folder: string, options: Options) => {
      const output = outputFormat(options.output, ['yaml', 'json'])
      const id = required(options.node, '--node', 'sidecar~10.0.0.1~shop.default~default.svc.cluster.local')
      const { translateFolder } = await import('./translate-folder.ts')
      const { type, format, metadata, locality: place } = options
      const question = { id, metadata, locality: place }
      const { result, errors } = await translateFolder(folder, question, { type, format }).catch((error: Error) => {
        throw new CommandError(error.message)
      })
      await printData(result, output)
      if (errors > 0) process.exitCode = 1
    })
}
