import { Command } from 'commander'
import { checkCommand } from './protocol-check.ts'
import { decodeCommand } from './protocol-decode.ts'
import { newCommand } from './protocol-new.ts'
import { testCommand } from './protocol-test.ts'

/** `meshgate protocol check|decode|test|new`: writing and trying a private protocol. */
export function protocolCommand(): Command {
  const group = new Command('protocol')
    .summary('write, check and try a private protocol')
    .description('Protocol documents describe a private binary protocol to the proxy. See docs/protocols.md.')
  for (const command of [checkCommand(), decodeCommand(), testCommand(), newCommand()]) group.addCommand(command)
  return group
}
