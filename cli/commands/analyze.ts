import { Command } from 'commander'
import type { Diagnostics } from '../../controlplane/admin/analyze.ts'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { CommandError, EXIT } from '../errors.ts'
import { type Colour, counted, outputFormat, paint, printData, printText } from '../output.ts'

const COLOURS: Readonly<Record<Diagnostic['severity'], Colour>> = { error: 'red', warning: 'yellow', info: 'dim' }

/** `meshgate analyze`: reads paths once, prints complaints; exit code 1 when one is an error. */
export function analyzeCommand(): Command {
  return new Command('analyze')
    .summary('check YAML files or folders, offline')
    .description(
      'Checks documents by their kind and against each other: unknown fields, wrong values, missing hosts, subsets and ' +
        'secrets, unreachable routes, port clashes and more. Exits with 1 when there is an error.',
    )
    .argument('<path...>', 'YAML or JSON files, or folders of them')
    .option('-o, --output <format>', 'text or json', 'text')
    .action(async (paths: string[], options: { output: string }) => {
      const format = outputFormat(options.output, ['text', 'json'])
      const [{ readOnce }, { checkSnapshot, summarize }] = await Promise.all([
        import('./read-once.ts'),
        import('../../controlplane/admin/analyze.ts'),
      ])
      const snapshot = await readOnce(paths).catch((error: Error) => {
        throw new CommandError(error.message)
      })
      const result = summarize(checkSnapshot(snapshot).diagnostics)
      if (format === 'json') await printData(result, 'json')
      else printText(report(result, snapshot.documents.length))
      if (result.summary.errors > 0) process.exitCode = EXIT.error
    })
}

/** A complaint with its place, and its hint below. */
export function complaintLines(complaint: Diagnostics['diagnostics'][number]): readonly string[] {
  const { file, line, column, severity, code, message, path, hint } = complaint
  return [
    `${file}:${line}:${column}: ${paint(severity, COLOURS[severity])} ${code}: ${message}${path ? paint(` (at ${path})`, 'dim') : ''}`,
    ...(hint ? [`    → ${hint}`] : []),
  ]
}

/** One complaint a line, its hint below, and a sum at the end. */
function report({ diagnostics, summary }: Diagnostics, documents: number): string {
  const lines = diagnostics.flatMap(complaintLines)
  const sum = [counted(summary.errors, 'error'), counted(summary.warnings, 'warning')].join(', ')
  return [...lines, `${counted(documents, 'document')}: ${sum}`].join('\n')
}
