import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { asError, errorText } from '../errors/thrown.ts'
import { analyzeCommand } from './commands/analyze.ts'
import { bootstrapCommand } from './commands/bootstrap.ts'
import { explainCommand } from './commands/explain.ts'
import { protocolCommand } from './commands/protocol.ts'
import { proxyCommand } from './commands/proxy.ts'
import { proxyConfigCommand } from './commands/proxy-config.ts'
import { proxyStatusCommand } from './commands/proxy-status.ts'
import { ratelimitCommand } from './commands/ratelimit.ts'
import { serveCommand } from './commands/serve.ts'
import { sourcesCommand } from './commands/sources.ts'
import { storeCommand } from './commands/store.ts'
import { translateCommand } from './commands/translate.ts'
import { upCommand } from './commands/up.ts'
import { userCommand } from './commands/user.ts'
import { CommandError, EXIT, UsageError } from './errors.ts'
import { packageFile } from './package-file.ts'

/** All commands. Modules a command needs for its work are imported when it runs, so that `--help` is quick. */
export function program(): Command {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }
  const root = new Command('meshgate')
    .description(
      'A service mesh for stock Envoy, without Kubernetes: Istio YAML in, xDS out.\n' +
        'Exit codes: 0 done, 1 an error was found or happened, 2 wrong usage.',
    )
    .version(version, '-V, --version', 'print the version')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
  const commands = [
    upCommand(),
    serveCommand(),
    analyzeCommand(),
    translateCommand(),
    bootstrapCommand(),
    proxyCommand(),
    proxyStatusCommand(),
    proxyConfigCommand(),
    explainCommand(),
    sourcesCommand(),
    storeCommand(),
    protocolCommand(),
    ratelimitCommand(),
    userCommand(),
  ]
  for (const command of commands) root.addCommand(command)
  finish(root, 'meshgate')
  return root
}

/** What holds for every command, however deep: errors are thrown, help is named and worded the same. */
function finish(command: Command, called: string): void {
  command
    .exitOverride()
    .helpOption('-h, --help', 'print help')
    .showSuggestionAfterError()
    .showHelpAfterError(`(${called} --help says more)`)
  if (command.commands.length > 0) {
    // Options after the name of a command are that command's; those before it are, too, where it has them.
    command
      .helpCommand('help [command]', 'print help for a command')
      .enablePositionalOptions()
      .hook('preSubcommand', handDown)
  }
  for (const child of command.commands) finish(child, `${called} ${child.name()}`)
}

function handDown(parent: Command, child: Command): void {
  for (const option of parent.options) {
    const name = option.attributeName()
    if (parent.getOptionValueSource(name) !== 'cli') continue
    if (!child.options.some((one) => one.attributeName() === name))
      throw new UsageError(`${option.long} is not for "${parent.name()} ${child.name()}"`)
    child.setOptionValueWithSource(name, parent.getOptionValue(name), 'cli')
  }
}

/** Runs one command line and returns the exit code; everything the user must know has been printed. */
export async function run(args: readonly string[]): Promise<number> {
  const root = program()
  try {
    await root.parseAsync(args, { from: 'user' })
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (error instanceof UsageError || error instanceof CommandError) {
      process.stderr.write(`error: ${error.message}\n`)
      return error instanceof UsageError ? EXIT.usage : EXIT.error
    }
    process.stderr.write(`error: ${process.env['MESHGATE_DEBUG'] ? asError(error).stack : errorText(error)}\n`)
    return EXIT.error
  }
}
