import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageFile } from '../../cli/package-file.ts'
import { startProcess } from '../../cli/processes/process.ts'
import { freePort } from '../../test/helpers/ports.ts'
import { build, firstLine } from '../xds/go.ts'
import { ENDPOINTS } from './mesh.ts'

const START_MS = 60_000

/** Who asks and who answers are programs in Go: what Node takes for a connection is no part of what is asked here. @throws Error without Go */
export function buildPrograms(folder: string): { readonly backend: string; readonly requests: string } {
  const backend = build('backend', folder)
  const requests = backend && build('requests', folder)
  if (!backend || !requests) throw new Error('this benchmark needs Go, for its backends and its load')
  return { backend, requests }
}

/** The endpoints of all services. */
export async function startBackends(
  program: string,
): Promise<{ readonly ports: readonly number[]; stop(): Promise<void> }> {
  const serving = spawn(program, [`${ENDPOINTS}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ports = await firstLine<readonly number[]>(serving)
  return {
    ports,
    async stop() {
      serving.stdin.end()
      await once(serving, 'exit')
    },
  }
}

/** `meshgate serve` with these documents, as users run it: a process of its own, which nobody has asked for anything yet. */
export async function startControlPlane(
  root: string,
  documents: string,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(root, 'mesh-'))
  await writeFile(join(folder, 'mesh.yaml'), documents)
  const [port, api] = [await freePort(), await freePort()]
  const addresses = ['--xds', `127.0.0.1:${port}`, '--api', `127.0.0.1:${api}`]
  const plane = await startProcess({
    command: process.execPath,
    args: [packageFile('dist/cli/main.js'), 'serve', folder, ...addresses, '--log-level', 'warn'],
    onLine: (line) => console.error(line),
  })
  for (const deadline = Date.now() + START_MS; !(await isReady(api)); await sleep(50))
    if (!plane.running || Date.now() > deadline) throw new Error(`the control plane did not start: ${plane.errors()}`)
  return {
    port,
    async stop() {
      await plane.stop(10_000)
      await rm(folder, { recursive: true })
    },
  }
}

async function isReady(api: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${api}/healthz/ready`)).ok
  } catch {
    return false
  }
}

/** How long the first request to each service took, and the one after it: ms. */
export interface Answered {
  readonly first: readonly number[]
  readonly next: readonly number[]
}

/** Asks services by their numbers, through the proxy at this port. @throws Error when one is not answered 200 */
export function askServices(program: string, port: number, from: number, to: number): Promise<Answered> {
  return firstLine(spawn(program, [`${port}`, `${from}`, `${to}`], { stdio: ['ignore', 'pipe', 'inherit'] }))
}
