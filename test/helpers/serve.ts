import { readFile } from 'node:fs/promises'
import { PROGRAM } from './compiled.ts'
import { until } from './eventually.ts'
import { type RunningProcess, spawnForTest } from './processes.ts'

/** A `meshgate serve` of its own, as it is installed. */
export interface ServeChild {
  readonly process: RunningProcess
  readonly xdsPort: number
  /** `http://127.0.0.1:<port>` */
  readonly apiUrl: string
  /** GET on the API, as JSON. @throws Error on any other status than 200 */
  api<Answer = never>(path: string): Promise<Answer>
  /** The most memory it has held so far, bytes. */
  peakBytes(): Promise<number>
  /** Ends it as an out-of-memory killer would. */
  kill(): Promise<void>
}

interface Up {
  readonly xds: { readonly port: number }
  readonly api: string
}

/**
 * Starts it on a folder, on free ports, and waits until everything is read and served. `onLog` gets each message it logs.
 * @throws Error with its own words when it is not up after a minute
 */
export async function serveChild(
  folder: string,
  {
    cwd = folder,
    args: more = [],
    onLog = () => {},
  }: {
    cwd?: string
    args?: readonly string[]
    onLog?: (message: string) => void
  } = {},
): Promise<ServeChild> {
  let up: Up | undefined
  let said = ''
  const child = await spawnForTest(
    {
      command: process.execPath,
      args: [
        [...PROGRAM, 'serve', folder],
        ['--xds', '127.0.0.1:0', '--api', '127.0.0.1:0', '--log-format', 'json'],
        [...more],
      ].flat(),
      cwd,
      onLine: (line, stream) => {
        if (!up) said += `${line}\n`
        if (stream !== 'stdout' || !line.startsWith('{')) return
        const { msg, ...fields } = JSON.parse(line) as { msg: string }
        onLog(msg)
        if (msg === 'meshgate is up') up = fields as Up & object
      },
    },
    'meshgate serve',
  )
  const { xds, api } = (await until(
    () => {
      if (!child.running) throw new Error(`meshgate serve ended:\n${said}`)
      return up
    },
    (fields) => fields !== undefined,
    { what: `meshgate serve is up; it said:\n${said}`, withinMs: 60_000 },
  )) as Up
  return {
    process: child,
    xdsPort: xds.port,
    apiUrl: api,
    async api(path) {
      const response = await fetch(api + path, { signal: AbortSignal.timeout(20_000) })
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`)
      return (await response.json()) as never
    },
    async peakBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024
    },
    async kill() {
      process.kill(child.pid, 'SIGKILL')
      await child.exited
    },
  }
}
