import type { Command } from 'commander'
import { program } from '../../cli/program.ts'

/** docs/cli.md: what `--help` says, for every command. */
export function cliPage(): string {
  const root = program()
  const help = (command: Command): string => {
    let text = ''
    command.configureOutput({
      getOutHelpWidth: () => 110,
      getOutHasColors: () => false,
      writeOut: (part) => {
        text += part
      },
    })
    command.outputHelp()
    return text.trimEnd()
  }
  const section = (command: Command, name: string): readonly string[] => [
    `## ${name}\n\n\`\`\`\n${help(command)}\n\`\`\``,
    ...command.commands.flatMap((child) => (child.name() === 'help' ? [] : section(child, `${name} ${child.name()}`))),
  ]
  return `${[
    '# Command line',
    '<!-- made by npm run docs -->',
    'Exit codes: 0 done, 1 an error was found or happened, 2 wrong usage. With `-o json` the output is stable: fields are added, ' +
      'never renamed or removed.',
    ...section(root, 'meshgate'),
  ].join('\n\n')}\n`
}
