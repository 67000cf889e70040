import { CODES } from '../../controlplane/diagnostics/codes.ts'
import { sourceCodes } from '../../controlplane/sources/codes.ts'

interface Entry {
  readonly code: string
  readonly severity: string
  readonly title: string
  readonly explanation: string
  readonly action: string
}

function section({ code, severity, title, explanation, action }: Entry): string {
  return `### ${code}\n\n**${title}** (${severity})\n\n${explanation}\n\n*What to do:* ${action}\n`
}

/** docs/diagnostics.md: every code with its meaning. */
export function diagnosticsPage(): string {
  const files = Object.values(sourceCodes).map(({ whatToDo, ...entry }) => section({ ...entry, action: whatToDo }))
  const documents = Object.entries(CODES).map(([code, entry]) => section({ code, ...entry }))
  return [
    '# Diagnostics',
    '',
    'Made by `npm run docs` of the tables in `controlplane/sources/codes.ts` and `controlplane/diagnostics/codes.ts`; do not edit.',
    '',
    'Every complaint about configuration has a code that never changes its meaning, a severity, and the file, line and column of the',
    'field. An *error* of a document keeps its last valid version in force; an error between documents (a missing host, say) takes',
    'nothing out of force, but traffic fails. A *warning* is a setting that does not do what it seems to. An *info* is worth knowing.',
    '',
    '## Files',
    '',
    ...files,
    '## Documents',
    '',
    ...documents,
  ].join('\n')
}
