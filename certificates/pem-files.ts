import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { errorText } from '../errors/thrown.ts'
import { aboutDates, bundleProblem, certificatesIn, chainValidity } from './validity.ts'
import { watchFiles } from './watch.ts'

/** Names of files in PEM form; of a client the certificate may be missing. */
export interface PemNames {
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The authorities of the other side's certificates. */
  readonly ca?: string | undefined
}

/** Names of files of a server. */
export interface ServerFiles {
  readonly cert: string
  readonly key: string
  /** Clients must show a certificate signed by one of these; without it, clients are not authenticated. */
  readonly clientCa?: string | undefined
}

/** What the files hold. */
export interface Pem {
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
}

export interface CertificateLog {
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

/** A server whose certificates can be replaced: one of `node:tls` or `node:https`. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void
}

/** How often it is said that a certificate ends soon. */
const DAY_MS = 86_400_000

/** Certificates of a server or a client: read from files, read again when these change, and complained about before they end. */
export class PemFiles {
  readonly #what: string
  readonly #files: PemNames
  readonly #log: CertificateLog
  readonly #stopWatching: () => void
  readonly #daily: NodeJS.Timeout
  #server: SecureServer | undefined
  #present: Pem

  /**
   * @param what shows the certificate, for the log and for errors, such as `xDS`
   * @param lookEveryMs how often the files are looked at
   * @throws Error naming the file when one cannot be read or is no certificate or key
   */
  constructor(what: string, files: PemNames, log: CertificateLog, lookEveryMs?: number) {
    this.#what = what
    this.#files = files
    this.#log = log
    const paths = [files.cert, files.key, files.ca].filter((path) => path !== undefined)
    // Before they are read: what changes meanwhile is seen.
    this.#stopWatching = watchFiles(paths, () => this.#reload(paths), lookEveryMs)
    this.#daily = setInterval(() => this.#tellDates(), DAY_MS)
    this.#daily.unref()
    try {
      this.#present = this.#read()
    } catch (error) {
      this.stop()
      throw error
    }
    this.#tellDates()
  }

  /** What is in force: the same object until it changes. */
  get present(): Pem {
    return this.#present
  }

  /** When the certificate in force ends, ms since the epoch. */
  get until(): number | undefined {
    return chainValidity(certificatesIn(this.#present.cert ?? ''))?.until
  }

  /** From now on the server shows what the files hold; who is connected stays so. */
  follow(server: SecureServer): void {
    this.#server = server
  }

  stop(): void {
    this.#stopWatching()
    clearInterval(this.#daily)
  }

  #reload(files: readonly string[]): void {
    const what = this.#what
    try {
      this.#present = this.#read()
      this.#server?.setSecureContext({ ...SECURE, ...this.#present })
      this.#log.info({ files, ...this.#end() }, `${what} certificates were reloaded`)
      this.#tellDates()
    } catch (error) {
      const message = errorText(error)
      this.#log.error(
        { error: message, ...this.#end() },
        `changed ${what} certificates are not usable: the old ones stay`,
      )
    }
  }

  #end(): object {
    const { until } = this
    return until === undefined ? {} : { until: new Date(until).toISOString() }
  }

  #tellDates(): void {
    const { cert } = this.#files
    const validity = chainValidity(certificatesIn(this.#present.cert ?? ''))
    const about = validity && aboutDates(validity, Date.now())
    if (about === undefined) return
    const text = `${this.#what}: ${about.text}; put another in its place, it is taken without a restart`
    this.#log[about.valid ? 'warn' : 'error']({ file: cert }, text)
  }

  #read(): Pem {
    const what = this.#what
    const { cert, key, ca } = this.#files
    const read = (name: string, path: string) => {
      try {
        return readFileSync(path, 'utf8')
      } catch (error) {
        throw new Error(`${what} TLS: cannot read the ${name} ${path}: ${errorText(error)}`)
      }
    }
    const contents = {
      ...(cert ? { cert: read('certificate', cert) } : {}),
      ...(key ? { key: read('private key', key) } : {}),
      ...(ca ? { ca: read('CA', ca) } : {}),
    }
    try {
      createSecureContext(contents)
    } catch (error) {
      throw new Error(`${what} TLS: ${cert} and ${key} are no usable pair: ${errorText(error)}`)
    }
    // OpenSSL takes a bundle without any certificate, or half of one, and then trusts nobody, or not all.
    const problem = contents.ca !== undefined && bundleProblem(contents.ca)
    if (problem) throw new Error(`${what} TLS: the CA ${ca} ${problem}`)
    return contents
  }
}

/** The names of a server's files. */
export function serverNames({ cert, key, clientCa }: ServerFiles): PemNames {
  return { cert, key, ca: clientCa }
}

/** Of every server of ours. */
export const SECURE = { minVersion: 'TLSv1.2' } as const
