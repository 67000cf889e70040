import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import { errorCode } from '../errors/thrown.ts'

export interface DescriptorWatch {
  /** Told once when none is free any more. */
  none(): void
  /** Told when there is one again. */
  again(): void
  /** How often it is tried, ms. Default: 5000. */
  readonly everyMs?: number
  /** Opens something and closes it. @throws Error of the system. Default: the null device */
  readonly attempt?: () => void
}

/** What to say of it. */
export const NO_DESCRIPTOR =
  'this process may open no more files: new connections are closed unheard, files cannot be read. Raise its limit (ulimit -n, LimitNOFILE) and start it again, or let connections end'

/**
 * Tries now and then whether one more file can be opened. Where none can, connections are accepted and closed below Node, which tells nobody.
 * @returns the way to stop
 * @see https://docs.libuv.org/en/v1.x/guide/filesystem.html, and uv__emfile_trick in libuv's src/unix/stream.c
 */
export function watchDescriptors({ none, again, everyMs = 5_000, attempt = openNothing }: DescriptorWatch): () => void {
  let exhausted = false
  const timer = setInterval(() => {
    const found = isExhausted(attempt)
    if (found !== exhausted) (found ? none : again)()
    exhausted = found
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

function openNothing(): void {
  closeSync(openSync(devNull, 'r'))
}

/** EMFILE: the limit of the process; ENFILE: that of the machine. */
function isExhausted(attempt: () => void): boolean {
  try {
    attempt()
    return false
  } catch (error) {
    return errorCode(error) === 'EMFILE' || errorCode(error) === 'ENFILE'
  }
}
