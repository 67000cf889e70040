import { type CertificateLog, PemFiles } from '../../certificates/pem-files.ts'
import type { ClientTlsFiles } from '../../controlplane/bootstrap/envoy.ts'
import type { PlaneTls } from '../../dataplane/config/index.ts'
import { errorText } from '../../errors/thrown.ts'
import { CommandError } from '../errors.ts'

/**
 * How a proxy speaks TLS to its control plane, from files that are read again when they change: the next connection is made with what they hold
 * then. `lookEveryMs` is how often they are looked at.
 * @throws CommandError when one cannot be read or used
 */
export function planeTls(
  { ca, cert, key, serverName }: ClientTlsFiles,
  log: CertificateLog,
  lookEveryMs?: number,
): { tls(): PlaneTls; stop(): void } {
  const files = filesOf({ ca, cert, key }, log, lookEveryMs)
  let of = files.present
  const texts = () => ({
    ...(of.ca && { ca: of.ca }),
    ...(of.cert && { certificate: of.cert }),
    ...(of.key && { privateKey: of.key }),
    ...(serverName && { serverName }),
  })
  let present = texts()
  return {
    tls() {
      if (of !== files.present) {
        of = files.present
        present = texts()
      }
      return present
    },
    stop: () => files.stop(),
  }
}

function filesOf(
  names: ConstructorParameters<typeof PemFiles>[1],
  log: CertificateLog,
  lookEveryMs?: number,
): PemFiles {
  try {
    return new PemFiles('xDS client', names, log, lookEveryMs)
  } catch (error) {
    throw new CommandError(errorText(error))
  }
}
