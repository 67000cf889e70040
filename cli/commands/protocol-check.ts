import { Command } from 'commander'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { counted, outputFormat, printData, printText } from '../output.ts'
import { complaintLines } from './analyze.ts'
import { documentFile, load, read } from './protocol-input.ts'

/** `meshgate protocol check`: the complaints of analysis, and what the codec can do. */
export function checkCommand(): Command {
  return new Command('check')
    .summary('check Protocol documents')
    .description(
      'Checks every Protocol document in a YAML file and lists what its codec can do. Exits with 1 when there are errors.',
    )
    .argument('<file>', 'YAML file, or the name of a protocol that comes with meshgate')
    .option('-o, --output <format>', 'text or json', 'text')
    .action(async (named: string, options: { output: string }) => {
      const file = await documentFile(named)
      const output = outputFormat(options.output, ['text', 'json'])
      const { checkProtocol, printIssue, printSummary } = await import('../../codecs/tools/check.ts')
      const { protocols, errors } = checkProtocol(read(file).toString('utf8'), file)
      if (output === 'json') {
        await printData(
          protocols.map(({ name, issues }) => ({ name, issues })),
          'json',
        )
      } else {
        const complaints = await complaintsOf(file)
        // The same lines as of "analyze"; what only the codec has to say comes as it is.
        const issues = complaints.length > 0 ? [] : protocols.flatMap((protocol) => protocol.issues)
        for (const line of complaints.flatMap(complaintLines)) printText(line)
        for (const issue of issues) printText(printIssue(file, issue))
        const codecs = protocols.flatMap(({ codec }) => codec ?? [])
        // One that is code is not made of its document.
        if (protocols.length === 1 && codecs.length === 0 && errors === 0) codecs.push(await load(named))
        for (const codec of codecs) printText(printSummary(codec))
        const all = [...complaints, ...issues].map(({ severity }) => severity)
        const count = (of: string) => all.filter((severity) => severity === of).length
        if (all.length > 0) printText(`${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}`)
        if (all.includes('error')) process.exitCode = 1
      }
      if (errors > 0) process.exitCode = 1
    })
}

/** What analysis has against the Protocol documents of a file. */
async function complaintsOf(file: string): Promise<readonly Diagnostic[]> {
  const [{ readOnce }, { checkSnapshot }] = await Promise.all([
    import('./read-once.ts'),
    import('../../controlplane/admin/analyze.ts'),
  ])
  const snapshot = await readOnce([file])
  const documents = snapshot.documents.filter(
    ({ value }) => (value as { readonly kind?: unknown } | null)?.kind === 'Protocol',
  )
  return checkSnapshot({ ...snapshot, documents }).diagnostics
}
