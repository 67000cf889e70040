import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ROOMS = [
  'cli',
  'files',
  'sockets',
  'proto',
  'controlplane',
  'dataplane',
  'codecs',
  'examples',
  'test/programs',
] as const
/** The last file `npm run compile` writes. */
const last = join(root, 'dist/proto/gen/extensions.binpb')

/** Arguments of Node that run the command line as it is installed: what `npm run compile` made of the sources. */
export const PROGRAM: readonly string[] = [join(root, 'dist/cli/main.js')]

/** The same of a program of test/programs, which tests start as a process of its own to kill or pause it. */
export function testProgram(name: string): string {
  return join(root, `dist/test/programs/${name}.js`)
}

/**
 * Compiles the sources when they are newer than what was made of them. Types are not looked at: `npm run check` does that.
 * Not for two processes at a time.
 * @throws Error with the compiler's words
 */
export function compileSources(): void {
  if (!isStale()) return
  execFileSync('npm', ['run', '-s', 'compile', '--', '--noCheck'], { cwd: root, stdio: 'pipe' })
  if (isStale()) throw new Error(`npm run compile does not write ${last}`)
}

function isStale(): boolean {
  if (!existsSync(last) || !existsSync(PROGRAM[0]!)) return true
  const since = statSync(last).mtimeMs
  return ROOMS.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((file) => join(root, room, file)),
  ).some((file) => /(?<!\.test)\.(ts|yaml|binpb)$/.test(file) && statSync(file).mtimeMs > since)
}
