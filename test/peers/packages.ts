import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
  'memjs@1.3.2',
  'mqtt@5.16.0',
  'pinus@1.7.4',
  'pinus-protocol@1.7.4',
  'sofa-rpc-node@2.10.0',
  'thrift@0.24.0',
]
const pipPackages = ['aiorpcX==0.25.0', 'thrift==0.25.0']

export const run = promisify(execFile)
export const digest = (parts: readonly string[]) =>
  createHash('sha256').update(parts.join(' ')).digest('hex').slice(0, 12)
/** Programs that were found to run here, or not. */
const tried = new Map<string, Promise<unknown>>()

/** What was made with a program before may still be there when the program is not. @throws Error that says so */
async function mustRun(program: string, option: string): Promise<void> {
  const trial = tried.get(program) ?? run(program, [option])
  tried.set(program, trial)
  await trial.catch((cause: Error) => {
    throw new Error(`${program} does not run on this machine, install it: ${cause.message}`, { cause })
  })
}

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
export async function pipFolder(): Promise<string> {
  await mustRun('python3', '--version')
  return cachedFolder(`peers-pip-${digest(pipPackages)}`, async (work) => {
    say(`installing ${pipPackages.join(' ')} with pip (once)`)
    const options = ['--quiet', '--disable-pip-version-check', '--root-user-action', 'ignore', '--target', work]
    await run('python3', ['-m', 'pip', 'install', ...options, ...pipPackages], { timeout: 300_000 })
    return work
  })
}

/**
 * A Java program of `programs/<name>/` with the jars of its pom.xml, compiled. @returns arguments for `java`
 * @throws Error when a JDK, Maven or the network is missing
 */
export async function javaProgram(name: string, mainClass: string): Promise<readonly string[]> {
  await mustRun('java', '-version')
  const folder = fileURLToPath(new URL(`./programs/${name}/`, import.meta.url))
  const files = await Promise.all(['pom.xml', `${mainClass}.java`].map((file) => readFile(join(folder, file), 'utf8')))
  const made = await cachedFolder(`peers-java-${name}-${digest(files)}`, async (work) => {
    say(`fetching the jars of ${name} with Maven and compiling ${mainClass}.java (once)`)
    await cp(folder, work, { recursive: true })
    const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${join(work, 'lib')}`]
    await run('mvn', ['--quiet', '--batch-mode', ...copy], { cwd: work, timeout: 600_000 })
    const compile = ['-nowarn', '-cp', `${join(work, 'lib')}/*`, '-d', join(work, 'classes'), `${mainClass}.java`]
    await run('javac', compile, { cwd: work, timeout: 120_000 })
    return work
  })
  // Short-lived programs: the fast compiler alone, and little memory.
  // Old libraries make classes in packages of the JDK's own loader.
  const tuning = [
    '--add-opens=java.base/java.lang=ALL-UNNAMED',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Xmx256m',
    '-Xshare:auto',
  ]
  return [...tuning, '-cp', `${join(made, 'lib')}/*:${join(made, 'classes')}`, mainClass]
}

/**
 * The Go program of `programs/<name>/`, built. @returns its path. @throws Error when Go or the network is missing
 * @param programs the folder, with a slash at its end
 * @param timeout for building it, ms
 */
export async function goProgram(
  name: string,
  programs = new URL('./programs/', import.meta.url),
  timeout = 600_000,
): Promise<string> {
  await mustRun('go', 'version')
  const folder = fileURLToPath(new URL(`${name}/`, programs))
  const files = await Promise.all(['main.go', 'go.mod'].map((file) => readFile(join(folder, file), 'utf8')))
  const made = await cachedFolder(`peers-go-${name}-${digest(files)}`, async (work) => {
    say(`building ${name} with Go (once)`)
    await run('go', ['build', '-o', join(work, name), '.'], { cwd: folder, timeout })
    return work
  })
  return join(made, name)
}
