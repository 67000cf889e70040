import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { stopAfterTests } from '../../test/helpers/processes.ts'

const run = promisify(execFile)

/** Compiles load generator, echo upstream and relay with gcc. @returns the folder they are in. @throws Error with the compiler's words */
export async function compileNative(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  for (const name of ['load', 'echo', 'relay']) {
    const source = fileURLToPath(new URL(`native/${name}.c`, import.meta.url))
    await run('gcc', ['-O2', '-Wall', '-D_GNU_SOURCE', '-o', join(folder, name), source, '-lm'])
  }
  return folder
}

/** A program of which lines are read. */
export interface Program {
  readonly pid: number
  readonly child: ChildProcess
  /** The next line of its output. @throws Error when it ended instead */
  line(): Promise<string>
  stop(): Promise<void>
}

/** Starts a program on one CPU; it is ended at the end of the benchmark at the latest. */
export function start(cpu: number, command: string, args: readonly string[]): Program {
  const child = spawn('taskset', ['-c', String(cpu), command, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const lines: Interface = createInterface({ input: child.stdout! })
  const iterator = lines[Symbol.asyncIterator]()
  const stop = async () => {
    forget()
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
    await ended
    clearTimeout(timer)
  }
  const forget = stopAfterTests(stop)
  return {
    pid: child.pid ?? 0,
    child,
    line: async () => {
      const { value, done } = await iterator.next()
      if (done) throw new Error(`${command} ended`)
      return value as string
    },
    stop,
  }
}

/** Binds a running process with all its threads to one CPU. */
export function pin(pid: number, cpu: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(cpu), String(pid)], { stdio: 'ignore' })
}
