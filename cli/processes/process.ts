import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { guard, release } from './guard.ts'
import { outputPipes } from './pipe.ts'
import { Tail } from './tail.ts'

export interface ProcessOptions {
  readonly command: string
  readonly args?: readonly string[]
  readonly cwd?: string
  /** The whole environment; default: ours. */
  readonly env?: NodeJS.ProcessEnv
  /** Called for every line the program writes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running program, in a process group of its own: Ctrl-C on our terminal does not reach it, `stop` does. */
export interface RunningProcess {
  readonly pid: number
  /** Resolves when the program has ended; never rejects. */
  readonly exited: Promise<Exit>
  readonly running: boolean
  /** The last lines written to stderr, for error messages. */
  errors(): string
  /** SIGTERM, after `graceMs` (default 3000) SIGKILL, to the program and all it started. Resolves when it is gone. */
  stop(graceMs?: number): Promise<Exit>
}

/** The program could not be started at all: not found, not executable. */
export class StartError extends Error {
  override name = 'StartError'
}

/**
 * Starts a program that does not outlive this process, even when this process is killed.
 * @throws StartError when it cannot be started.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { command, args = [], cwd, env, onLine } = options
  const pipes = outputPipes(2)
  const [out, err] = pipes?.map(({ writeFd }) => writeFd) ?? ['pipe' as const, 'pipe' as const]
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', out, err] })
  for (const pipe of pipes ?? []) pipe.release()
  const [stdout, stderr] = pipes?.map(({ reader }) => reader) ?? [child.stdout!, child.stderr!]
  const errors = new Tail(200)
  const read = Promise.all([
    readLines(stdout!, (line) => onLine?.(line, 'stdout')),
    readLines(stderr!, (line) => {
      errors.add(line)
      onLine?.(line, 'stderr')
    }),
  ])
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'ENOENT' ? 'there is no such program' : error.message
      reject(new StartError(`cannot start ${command}: ${reason}`, { cause: error }))
    })
  })
  const pid = child.pid!
  guard(pid)
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      signalGroup(pid, 'SIGKILL') // what it left behind
      release(pid)
      read.then(() => resolve({ code, signal })) // after its last lines
    })
  })
  const running = () => child.exitCode === null && child.signalCode === null
  const stop = async (graceMs = 3_000): Promise<Exit> => {
    if (!running()) return exited // its number may be somebody else's by now
    signalGroup(pid, 'SIGTERM')
    const patience = new AbortController()
    const late = sleep(graceMs, undefined, { signal: patience.signal }).then(
      () => signalGroup(pid, 'SIGKILL'),
      () => {},
    )
    const exit = await exited
    patience.abort()
    await late
    return exit
  }
  return {
    pid,
    exited,
    get running() {
      return running()
    },
    errors: () => errors.text(),
    stop,
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // Gone already: that is what was wanted.
  }
}

/** Splits a stream into lines; an endless line is handed out in pieces so that memory stays bounded. Resolves at its end. */
function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
    if (rest.length > 64 * 1024) {
      onLine(rest)
      rest = ''
    }
  })
  stream.on('end', () => {
    if (rest) onLine(rest)
  })
  stream.on('error', () => {}) // the exit tells
  return new Promise((resolve) => stream.once('close', resolve))
}
