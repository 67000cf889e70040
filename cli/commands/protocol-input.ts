import { existsSync, readFileSync } from 'node:fs'
import type { Codec } from '../../codecs/contract.ts'
import { errorReason } from '../../controlplane/sources/file-access.ts'
import { errorText } from '../../errors/thrown.ts'
import { CommandError } from '../errors.ts'

/** How a protocol is named on the command line. */
export const PROTOCOL_ARGUMENT =
  'Protocol document, codec module (.js), or the name of a protocol that comes with meshgate'

/** A codec by file or by name. @throws CommandError */
export async function load(protocol: string): Promise<Codec> {
  const { loadCodec, ProtocolError, shippedCodec, shippedProtocols } = await import('../../codecs/load.ts')
  const shipped = shippedProtocols.find((name) => name === protocol)
  if (!shipped && !existsSync(protocol)) {
    throw new CommandError(`there is no file ${protocol}, and no protocol of that name: ${shippedProtocols.join(', ')}`)
  }
  try {
    return shipped && !existsSync(protocol) ? await shippedCodec(shipped) : await loadCodec(protocol)
  } catch (error) {
    throw error instanceof ProtocolError ? new CommandError(error.message) : error
  }
}

/** The file of a Protocol document, by its path or by the name of a protocol that comes with meshgate. */
export async function documentFile(named: string): Promise<string> {
  const { protocolFile, shippedProtocols } = await import('../../codecs/load.ts')
  const shipped = existsSync(named) ? undefined : shippedProtocols.find((name) => name === named)
  return shipped ? protocolFile(shipped) : named
}

/** @throws CommandError */
export function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${errorReason(error)}`)
  }
}

/** Failures of reading and parsing are the user's to see in one line. @throws CommandError */
export function attempt<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw new CommandError(errorText(error))
  }
}
