import { clone, create } from '@bufbuild/protobuf'
import { type Pem, PemFiles, type PemNames } from '../../certificates/pem-files.ts'
import { watchFiles } from '../../certificates/watch.ts'
import { errorText } from '../../errors/thrown.ts'
import { type DataSource, DataSourceSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { type Secret, SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import type { ConfigLog } from './control-plane.ts'

/** Files of a secret: what they held when they last fitted together, or nothing yet. */
interface Followed {
  readonly key: string
  readonly pem: PemFiles | undefined
  stop(): void
}

/**
 * The files that secrets name on this machine. They are read when a secret is first used and again when they change; what cannot be used then leaves
 * in force what was, as Envoy does it.
 */
export class SecretFiles {
  readonly #log: ConfigLog
  readonly #changed: () => void
  readonly #lookEveryMs: number | undefined
  readonly #followed = new Map<string, Followed>()

  /** `changed` is called when files hold something else, or can be read at last; `lookEveryMs` is how often they are looked at. */
  constructor(log: ConfigLog, changed: () => void, lookEveryMs?: number) {
    this.#log = log
    this.#changed = changed
    this.#lookEveryMs = lookEveryMs
  }

  /** The secret with what its files hold in place of their names; as it came while they cannot be used. */
  inlined(secret: Secret): Secret {
    const names = namesIn(secret)
    if (!names) {
      this.forget(secret.name)
      return secret
    }
    const key = JSON.stringify(names)
    let followed = this.#followed.get(secret.name)
    if (followed?.key !== key) {
      followed?.stop()
      followed = this.#follow(secret.name, names, key)
      this.#followed.set(secret.name, followed)
    }
    return followed.pem ? withTexts(secret, followed.pem.present) : secret
  }

  forget(name: string): void {
    this.#followed.get(name)?.stop()
    this.#followed.delete(name)
  }

  stop(): void {
    for (const name of [...this.#followed.keys()]) this.forget(name)
  }

  #follow(name: string, names: PemNames, key: string): Followed {
    const log = this.#log
    const told = { info: log.info.bind(log), warn: log.warn.bind(log), error: log.warn.bind(log) }
    try {
      const pem = new PemFiles(`secret ${name}`, names, told, this.#lookEveryMs)
      pem.follow({ setSecureContext: this.#changed })
      return { key, pem, stop: () => pem.stop() }
    } catch (error) {
      log.warn({ secret: name }, `${errorText(error)}; it is read when it changes`)
      const paths = Object.values(names).filter((path) => path !== undefined)
      const again = () => {
        this.forget(name)
        this.#changed()
      }
      return { key, pem: undefined, stop: watchFiles(paths, again, this.#lookEveryMs) }
    }
  }
}

/** Names of files in a secret; undefined when there are none. */
function namesIn({ type }: Secret): PemNames | undefined {
  const name = (source: DataSource | undefined) =>
    source?.specifier.case === 'filename' ? source.specifier.value : undefined
  const names: PemNames =
    type.case === 'tlsCertificate'
      ? { cert: name(type.value.certificateChain), key: name(type.value.privateKey) }
      : type.case === 'validationContext'
        ? { ca: name(type.value.trustedCa) }
        : {}
  return Object.values(names).some((path) => path !== undefined) ? names : undefined
}

function withTexts(secret: Secret, { cert, key, ca }: Pem): Secret {
  const copy = clone(SecretSchema, secret)
  const inline = (text: string) => create(DataSourceSchema, { specifier: { case: 'inlineString', value: text } })
  if (copy.type.case === 'tlsCertificate') {
    if (cert !== undefined) copy.type.value.certificateChain = inline(cert)
    if (key !== undefined) copy.type.value.privateKey = inline(key)
  } else if (copy.type.case === 'validationContext' && ca !== undefined) copy.type.value.trustedCa = inline(ca)
  return copy
}
