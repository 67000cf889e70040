import { type BigIntStats, stat, statSync } from 'node:fs'

/** Renewal tools replace files by links or renames, which inotify on the file itself does not see; a look each 5 s does. */
const LOOK_EVERY_MS = 5000

/** Certificate and key are two files: after the first of them the other is waited for so long. */
const REST_MS = 200

/**
 * Calls `changed` some time after the files behind the paths became others than at the moment of this call: were written or renamed, came or
 * went, or a link to them points elsewhere. Returns the way to end it.
 */
export function watchFiles(paths: readonly string[], changed: () => void, everyMs = LOOK_EVERY_MS): () => void {
  const known = new Map(paths.map((path) => [path, presentVersion(path)]))
  let rest: NodeJS.Timeout | undefined
  let stopped = false
  const look = () => {
    // In the thread pool: a mount that hangs holds up nobody.
    for (const path of paths)
      stat(path, { bigint: true }, (error, stats) => {
        const version = error ? GONE : versionOf(stats)
        if (stopped || known.get(path) === version) return
        known.set(path, version)
        clearTimeout(rest)
        rest = setTimeout(changed, REST_MS)
        rest.unref()
      })
  }
  const timer = setInterval(look, everyMs)
  timer.unref()
  return () => {
    stopped = true
    clearInterval(timer)
    clearTimeout(rest)
  }
}

const GONE = ''

function presentVersion(path: string): string {
  try {
    return versionOf(statSync(path, { bigint: true }))
  } catch {
    // Whoever reads it says so.
    return GONE
  }
}

function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}
