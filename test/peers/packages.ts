import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cachedFolder } from '../../cli/tools/wheels.ts'

/**
 * Programs of other people, in the versions everything here is tested with. They are old or heavy, so they are no dependencies of the
 * package: they are installed by name into the cache of tools, without running their install scripts.
 */
const npmPackages = [
  'aedes@1.2.0',
  'dubbo2.js@2.3.9',
  'js-to-java@2.8.0',
  'mqtt@5.16.0',
  'pinus@1.7.4',
  'pinus-protocol@1.7.4',
  'sofa-rpc-node@2.10.0',
  'thrift@0.24.0',
]
const pipPackages = ['thrift==0.25.0']

export const run = promisify(execFile)
export const digest = (parts: readonly string[]) =>
  createHash('sha256').update(parts.join(' ')).digest('hex').slice(0, 12)
export const say = (line: string) => process.stderr.write(`test setup: ${line}\n`)

/** Folder with `node_modules`. @throws Error when npm or the network is missing */
export function npmFolder(): Promise<string> {
  return cachedFolder(`peers-npm-${digest(npmPackages)}`, async (work) => {
    say(`installing ${npmPackages.join(' ')} with npm (once)`)
    await writeFile(join(work, 'package.json'), '{"private": true}\n')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact']
    await run('npm', ['install', ...options, ...npmPackages], { cwd: work, timeout: 300_000 })
    return work
  })
}

/** `require` for those packages. What it returns has no types: say which part of it you use. */
export async function npmPackage<T>(name: string): Promise<T> {
  return createRequire(join(await npmFolder(), 'package.json'))(name) as T
}

/** Folder for `PYTHONPATH`. @throws Error when Python, pip or the network is missing */
export function pipFolder(): Promise<string> {
  return cachedFolder(`peers-pip-${digest(pipPackages)}`, async (work) => {
    say(`installing ${pipPackages.join(' ')} with pip (once)`)
    const options = ['--quiet', '--disable-pip-version-check', '--root-user-action', 'ignore', '--target', work]
    await run('python3', ['-m', 'pip', 'install', ...options, ...pipPackages], { timeout: 300_000 })
    return work
  })
}
