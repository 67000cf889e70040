import { Command } from 'commander'
import { outputFormat, printData, printText } from '../output.ts'
import { attempt, load, PROTOCOL_ARGUMENT, read } from './protocol-input.ts'

/** `meshgate protocol test`: a protocol and bytes with known meaning. */
export function testCommand(): Command {
  return new Command('test')
    .summary('compare a protocol with known bytes')
    .description(
      'Decodes the vectors of a file (see codecs/game/vectors.yaml), whole and cut at every byte. Exits with 1 on a difference.',
    )
    .argument('<protocol>', PROTOCOL_ARGUMENT)
    .argument('<vectors>', 'YAML file of vectors')
    .option('-o, --output <format>', 'text or json', 'text')
    .action(async (protocol: string, file: string, options: { output: string }) => {
      const output = outputFormat(options.output, ['text', 'json'])
      const codec = await load(protocol)
      const { parseVectors, runVectors } = await import('../../codecs/tools/vectors.ts')
      const results = runVectors(
        codec,
        attempt(() => parseVectors(read(file).toString('utf8'))),
      )
      const failed = results.filter(({ failures }) => failures.length > 0).length
      if (output === 'json') {
        const vectors = results.map(({ name, failures }) => ({ name, failures }))
        await printData({ vectors, summary: { vectors: results.length, failed } }, 'json')
      } else {
        for (const { name, failures } of results) {
          printText(`${failures.length === 0 ? 'ok  ' : 'FAIL'} ${name}`)
          for (const failure of failures) printText(`       ${failure}`)
        }
        printText(`${results.length - failed} of ${results.length} vectors as expected`)
      }
      if (failed > 0) process.exitCode = 1
    })
}
