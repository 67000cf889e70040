import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startProcess } from '../../cli/processes/process.ts'
import { freePort } from './ports.ts'
import { stopAfterTests } from './processes.ts'

export const REDIS_SERVER = process.env['REDIS_SERVER_BIN'] ?? 'redis-server'

/** Whether there is a redis-server: REDIS_SERVER_BIN, or one on PATH. */
export async function hasRedis(): Promise<boolean> {
  return promisify(execFile)(REDIS_SERVER, ['--version']).then(
    () => true,
    () => false,
  )
}

export const HOW_TO_GET_REDIS = 'install redis-server (Debian: apt-get install redis-server), or set REDIS_SERVER_BIN'

export interface TestRedis {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Ends it at once; what it held is gone. */
  kill(): Promise<void>
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>
  /** SIGSTOP: it takes connections and answers nothing. */
  freeze(): void
  thaw(): void
}

/** A real Redis on loopback that keeps nothing on disk. */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-redis-'))
  let run = await start()
  stopAfterTests(async () => {
    if (run.running) process.kill(run.pid, 'SIGCONT')
    await run.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function start() {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
    const started = await startProcess({ command: REDIS_SERVER, args, cwd: folder })
    const deadline = Date.now() + 10_000
    while (!(await answers(port))) {
      if (!started.running || Date.now() > deadline) throw new Error(`redis-server did not start: ${started.errors()}`)
      await sleep(10)
    }
    return started
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return run.pid
    },
    async kill() {
      process.kill(run.pid, 'SIGKILL')
      await run.exited
    },
    async restart() {
      run = await start()
    },
    freeze: () => {
      process.kill(run.pid, 'SIGSTOP')
    },
    thaw: () => {
      process.kill(run.pid, 'SIGCONT')
    },
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(500, () => socket.destroy())
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString().startsWith('+PONG'))
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
