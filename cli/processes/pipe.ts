import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

/** A kernel pipe: one end to read from here, the other for a program's output. */
export interface OutputPipe {
  readonly reader: Readable
  /** For `stdio` of a program. */
  readonly writeFd: number
  /** Our copy of the write end goes, so that the reader ends when the program does. Call it once the program has its own. */
  release(): void
}

/** Where systems have it; `PATH` may be narrow. */
const MKFIFO = ['/usr/bin/mkfifo', '/bin/mkfifo', '/run/current-system/sw/bin/mkfifo']

/**
 * Pipes for the output of a program. The pipes that Node makes are sockets, which a program cannot open again by name: Envoy
 * refuses every access log at `/dev/stdout` then ("No such device or address"). Undefined where the system has no mkfifo.
 */
export function outputPipes(count: number): readonly OutputPipe[] | undefined {
  const mkfifo = MKFIFO.find((path) => existsSync(path))
  if (!mkfifo) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-pipe-'))
  try {
    const paths = Array.from({ length: count }, (_, index) => join(folder, `${index}`))
    execFileSync(mkfifo, ['-m', '600', ...paths], { stdio: 'ignore' })
    return paths.map((path) => {
      // The reader comes first and does not wait: a writer alone would block until there is one.
      const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const writeFd = openSync(path, constants.O_WRONLY)
      return {
        reader: new Socket({ fd: readFd, readable: true, writable: false }),
        writeFd,
        release: () => closeSync(writeFd),
      }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
