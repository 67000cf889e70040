import { type ChildProcess, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageFile } from '../../cli/package-file.ts'

/**
 * Builds one of the Go programs of this folder.
 * @param folder for what is built
 * @returns the program, or undefined (and a word on stderr) when there is no Go to build it with
 */
export function build(program: 'backend' | 'client' | 'peer' | 'requests', folder: string): string | undefined {
  const to = join(folder, program)
  const { error, status, stderr } = spawnSync('go', ['build', '-o', to, `./${program}`], {
    cwd: packageFile('bench/xds'),
    encoding: 'utf8',
  })
  if (status === 0) return to
  const why = error ? 'Go is not installed (go.dev/dl), or not in PATH' : stderr.trim()
  console.error(`the ${program} cannot be built: ${why}`)
  return undefined
}

/** The first line a process prints, as JSON. @throws Error when it ends without one */
export async function firstLine<T>(child: ChildProcess): Promise<T> {
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line) as T
  throw new Error(`${child.spawnfile} ended without a result`)
}
