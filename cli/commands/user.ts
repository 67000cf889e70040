import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import type { Accounts, Role, User } from '../../controlplane/ledger/index.ts'
import { errorText } from '../../errors/thrown.ts'
import { CommandError, UsageError } from '../errors.ts'
import { oneOf } from '../options/arguments.ts'
import { outputFormat, printData, printText } from '../output.ts'

interface Options {
  readonly dir: string
  readonly passwordFile?: string
  readonly output: string
}

/** `meshgate user`: people who may use the API, kept beside the configuration; works while a control plane runs and without one. */
export function userCommand(): Command {
  const command = new Command('user')
    .summary('people who may use the API: add, list, remove, passwd')
    .description(
      'Users are kept beside the configuration, in DIR/.meshgate; where the configuration is in Consul, in the state folder of ' +
        'any control plane (--dir STATE), which shares them with the others. As long as there are none, the API is open to everybody on ' +
        'this machine and refuses to listen on other addresses. viewer: reads. editor: changes configuration. admin: sees ' +
        'private keys and the audit, too. A running control plane takes changes over at once.',
    )
  const add = (name: string, summary: string) =>
    command
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
  const dir = (one: Command) =>
    one.option('--dir <dir>', 'folder of configuration', '.').option('-o, --output <format>', 'text or json', 'text')
  const password = (one: Command) =>
    dir(one).option('--password-file <file>', 'file with the password on its first line; - for stdin (default: asks)')

  password(add('add', 'define a user').argument('<name>', 'up to 64 letters, digits and ._@-'))
    .option('--role <role>', 'viewer, editor or admin', oneOf(['viewer', 'editor', 'admin'] as const), 'viewer')
    .action((name: string, options: Options & { role: Role }) =>
      withAccounts(options, async (accounts) => {
        await accounts.add(name, options.role, await passwordOf(options)).catch(asUsage)
        return { data: { user: shown(accounts.user(name)!) }, text: `${name} is ${options.role}` }
      }),
    )
  dir(add('list', 'who is defined')).action((options: Options) =>
    withAccounts(options, async (accounts) => {
      const users = accounts.users()
      const lines = users.map(
        ({ name, role, created }) => `${name.padEnd(24)}  ${role.padEnd(6)}  since ${new Date(created).toISOString()}`,
      )
      return {
        data: { users: users.map(shown) },
        text: lines.length > 0 ? lines.join('\n') : 'no users: on loopback the API is open',
      }
    }),
  )
  dir(add('remove', 'remove a user, with all sessions and tokens').argument('<name>')).action(
    (name: string, options: Options) =>
      withAccounts(options, async (accounts) => {
        if (!accounts.remove(name)) throw new CommandError(`there is no user ${name}`)
        const left = accounts.users().length
        const open = left === 0 ? '; it was the last one: on loopback the API is open now' : ''
        return { data: { removed: name, left }, text: `${name} is removed${open}` }
      }),
  )
  password(add('passwd', 'set a new password, and end all sessions and tokens').argument('<name>')).action(
    (name: string, options: Options) =>
      withAccounts(options, async (accounts) => {
        if (!accounts.user(name)) throw new CommandError(`there is no user ${name}`)
        await accounts.setPassword(name, await passwordOf(options)).catch(asUsage)
        return { data: { user: shown(accounts.user(name)!) }, text: `${name} has a new password` }
      }),
  )
  return command
}

/** A user as `-o json` has it; times in ISO 8601. */
function shown({ name, role, created }: User): object {
  return { name, role, created: new Date(created).toISOString() }
}

/** Does the work and prints what came of it, in the form that is asked for. */
async function withAccounts(
  options: Options,
  work: (accounts: Accounts) => Promise<{ readonly data: object; readonly text: string }>,
): Promise<void> {
  const format = outputFormat(options.output, ['text', 'json'])
  const { Accounts, openDatabase } = await import('../../controlplane/ledger/index.ts')
  const { statSync } = await import('node:fs')
  if (!statSync(options.dir, { throwIfNoEntry: false })?.isDirectory())
    throw new CommandError(`${options.dir} is no folder; name the folder of configuration with --dir`)
  const db = openDatabase(options.dir)
  try {
    const { data, text } = await work(new Accounts(db))
    if (format === 'json') await printData(data, 'json')
    else printText(text)
  } finally {
    db.close()
  }
}

function asUsage(error: unknown): never {
  if (error instanceof RangeError) throw new UsageError(error.message)
  throw error
}

/** The password from a file, from stdin, or asked for twice on the terminal, unseen. Never from an argument: those are seen by all. */
async function passwordOf({ passwordFile }: Options): Promise<string> {
  if (passwordFile !== undefined || !process.stdin.isTTY) {
    const file = passwordFile ?? '-'
    try {
      return readFileSync(file === '-' ? 0 : file, 'utf8').split(/\r?\n/, 1)[0]!
    } catch (error) {
      throw new CommandError(`cannot read the password: ${errorText(error)}`)
    }
  }
  const first = await ask('Password: ')
  if ((await ask('Again: ')) !== first) throw new CommandError('the passwords differ')
  return first
}

function ask(question: string): Promise<string> {
  process.stderr.write(question)
  // A terminal without an output to write to does not echo.
  const lines = createInterface({ input: process.stdin, terminal: true })
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => {
      lines.close()
      reject(new CommandError('interrupted'))
    })
    lines.once('line', (line) => {
      lines.close()
      process.stderr.write('\n')
      resolve(line)
    })
  })
}
