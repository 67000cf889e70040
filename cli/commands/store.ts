import { Command } from 'commander'
import { type ConsulFlags, consulAddress, withConsulAddress } from '../options/consul.ts'
import { outputFormat, printData, printText } from '../output.ts'

/** `meshgate store copy`: from a folder to Consul or back; exit code 1 when what was read back differs. */
export function storeCommand(): Command {
  const command = new Command('store')
    .summary('where configuration is kept: copy between a folder and Consul')
    .description(
      'A store is a folder (file:DIR) or Consul (consul:http://HOST:PORT/PREFIX). "meshgate serve STORE" serves either.',
    )
  withConsulAddress(
    command
      .command('copy')
      .summary('copy the files of one store to another')
      .description(
        'Makes the files of TO those of FROM, as one revision, and reads them back to compare. The history of FROM stays there.\n' +
          'Files of TO that FROM does not have are removed. Exits with 1 when what was read back differs.',
      )
      .argument('<from>', 'file:DIR or consul:URL/PREFIX')
      .argument('<to>', 'file:DIR or consul:URL/PREFIX')
      .option('--dry-run', 'say what would change, and change nothing')
      .option('--why <text>', 'reason, for the history of TO', 'copied')
      .option('-o, --output <format>', 'text or json', 'text'),
  ).action(
    async (from: string, to: string, options: ConsulFlags & { dryRun?: boolean; why: string; output: string }) => {
      const format = outputFormat(options.output, ['text', 'json'])
      const { copyStore, copyText } = await import('./store-copy.ts')
      const address = consulAddress(options)
      const copied = await copyStore(from, to, { dryRun: options.dryRun ?? false, why: options.why, address })
      if (format === 'json') await printData(copied, 'json')
      else printText(copyText(copied))
      if (copied.differing > 0) process.exitCode = 1
    },
  )
  return command
}
