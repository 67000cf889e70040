import { type HostPort, hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import { CommandError, UsageError } from '../errors.ts'

/** gRPC's servers have no code on their errors: it stands in the words they pass on. */
const CODE = /\b(?:EADDRINUSE|EADDRNOTAVAIL|EACCES)\b/

/**
 * Runs a listen call and says what a person can do when it fails. `what` is the name of the option that gave the address.
 * @throws CommandError when the address is taken, is not of this machine or may not be used; UsageError when it cannot be meant
 */
export async function listening<Result>(
  what: 'xds' | 'api' | 'admin' | 'listen' | 'metrics',
  address: HostPort,
  listen: () => Promise<Result>,
): Promise<Result> {
  try {
    return await listen()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const where = hostAndPort(address)
    switch (CODE.exec(String(code))?.[0] ?? CODE.exec(message)?.[0]) {
      case 'EADDRINUSE':
        throw new CommandError(
          `${where} is in use: another program (or another meshgate) listens there; choose another address with --${what} HOST:PORT`,
        )
      case 'EADDRNOTAVAIL':
        throw new CommandError(`${where} is no address of this machine; change --${what}`)
      case 'EACCES':
        throw new CommandError(`this user may not listen on ${where}; change --${what}`)
      default:
        throw what === 'xds' && code === undefined ? new UsageError(message) : error
    }
  }
}
