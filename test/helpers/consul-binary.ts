import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDirectory } from '../../cli/tools/wheels.ts'

const run = promisify(execFile)

/** The Consul of Debian 11: the newest that a package of the distribution carries. */
const CONSUL_VERSION = '1.8.7'

export const HOW_TO_GET_CONSUL =
  'put consul into PATH, set CONSUL_BIN, or run the tests on Debian with apt, which fetches it by package name'

/** A Consul on this machine: `CONSUL_BIN`, then `PATH`, then the copy fetched earlier. */
export function findConsul(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const wish = env['CONSUL_BIN']
  if (wish) {
    if (isProgram(wish)) return wish
    throw new Error(`CONSUL_BIN is ${wish}, which is no executable file`)
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return [...folders.map((folder) => join(folder, 'consul')), cachedConsul()].find(isProgram)
}

/** The same, fetched when there is none and apt can have it; undefined with the reason said where it cannot. */
export async function ensureConsul(say: (line: string) => void): Promise<string | undefined> {
  const found = findConsul()
  if (found) return found
  try {
    say(`fetching consul ${CONSUL_VERSION} with apt (once; kept in ${cacheDirectory()}) …`)
    await fetchConsul()
    return cachedConsul()
  } catch (error) {
    say(`no consul: ${(error as Error).message}`)
    return undefined
  }
}

function cachedConsul(): string {
  return join(cacheDirectory(), `consul-${CONSUL_VERSION}`, 'consul')
}

/**
 * Debian's package, unpacked beside the system: with lists and cache of its own, so that neither the machine's package sources
 * nor what is installed change. The release is asked of the same mirror the machine uses.
 */
async function fetchConsul(): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'meshgate-consul-'))
  try {
    await mkdir(join(work, 'lists/partial'), { recursive: true })
    await mkdir(join(work, 'cache/archives/partial'), { recursive: true })
    await writeFile(join(work, 'sources.list'), `deb [trusted=yes] ${await debianMirror()} bullseye main\n`)
    const options = [
      `Dir::Etc::sourcelist=${work}/sources.list`,
      'Dir::Etc::sourceparts=-',
      `Dir::State::lists=${work}/lists`,
      `Dir::Cache=${work}/cache`,
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option])
    await run('apt-get', [...options, '-qq', 'update'])
    await run('apt-get', [...options, '-qq', 'download', 'consul'], { cwd: work })
    const file = (await readdir(work)).find((name) => name.startsWith('consul_') && name.endsWith('.deb'))
    if (!file) throw new Error('apt-get downloaded no package')
    await run('dpkg', ['-x', join(work, file), join(work, 'unpacked')])
    const target = cachedConsul()
    await mkdir(join(target, '..'), { recursive: true })
    // Another process may do the same: the rename makes the last one win, whole.
    const fresh = `${target}.${process.pid}`
    await copyFile(join(work, 'unpacked/usr/bin/consul'), fresh)
    await rename(fresh, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function debianMirror(): Promise<string> {
  const folder = '/etc/apt/sources.list.d'
  const more = (await readdir(folder).catch(() => [])).map((name) => join(folder, name))
  for (const file of ['/etc/apt/sources.list', ...more]) {
    const text = await readFile(file, 'utf8').catch(() => '')
    for (const line of text.split('\n')) {
      const found = /^[^#]*?(https?:\/\/\S+\/debian)\/?(?:\s|$)/.exec(line)
      if (found) return found[1]!
    }
  }
  throw new Error('this machine has no Debian package source')
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
