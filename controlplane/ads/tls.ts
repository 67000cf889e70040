import { readFileSync, type StatWatcher, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type TlsOptions } from 'node:tls'
import type { Logger } from './logger.ts'

/** Files in PEM form. They are read again when they change, so certificates can be renewed in place. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Clients must show a certificate signed by one of these; without it, clients are not authenticated. */
  readonly clientCa?: string
  /** Only SPIFFE ids of this trust domain count. */
  readonly trustDomain?: string
}

const MINIMUM = { minVersion: 'TLSv1.2', ALPNProtocols: ['h2'] } as const

/** Renewal tools replace files by links or renames, which inotify on the file itself does not see; a look each 5 s does. */
const LOOK_EVERY_MS = 5000

/**
 * Options for a TLS server from the files' present contents.
 * @throws Error naming the file when one cannot be read or is no certificate or key
 */
export function tlsOptions(files: TlsFiles): TlsOptions {
  const read = (what: string, path: string) => {
    try {
      return readFileSync(path)
    } catch (error) {
      throw new Error(`xDS TLS: cannot read the ${what} ${path}: ${(error as Error).message}`)
    }
  }
  const contents = {
    ...MINIMUM,
    cert: read('certificate', files.cert),
    key: read('key', files.key),
    ...(files.clientCa
      ? { ca: read('client CA', files.clientCa), requestCert: true, rejectUnauthorized: true }
      : { requestCert: false }),
  }
  try {
    createSecureContext(contents)
  } catch (error) {
    throw new Error(`xDS TLS: ${files.cert} and ${files.key} are no usable pair: ${(error as Error).message}`)
  }
  return contents
}

/**
 * Calls `changed` with new options when a file changed and the new contents are usable; unusable ones are logged and the old
 * ones stay in force. Returns the way to end it.
 */
export function watchTls(files: TlsFiles, logger: Logger, changed: (options: TlsOptions) => void): () => void {
  const paths = [files.cert, files.key, ...(files.clientCa ? [files.clientCa] : [])]
  let timer: NodeJS.Timeout | undefined
  const reload = () => {
    // Certificate and key are two files: wait until both are there.
    clearTimeout(timer)
    timer = setTimeout(() => {
      try {
        changed(tlsOptions(files))
        logger.info({ files: paths }, 'xDS certificates were reloaded')
      } catch (error) {
        logger.error({ error: (error as Error).message }, 'changed xDS certificates are not usable: the old ones stay')
      }
    }, 200)
    timer.unref()
  }
  const watchers: StatWatcher[] = paths.map((path) =>
    watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, (now, before) => {
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) reload()
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.removeAllListeners()
    for (const path of paths) unwatchFile(path, reload)
  }
}
