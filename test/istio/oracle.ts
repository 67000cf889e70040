import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { goProgram } from '../peers/packages.ts'
import type { Question, Reply, Resources } from './question.ts'

/** Istio's control plane, asked mesh by mesh. */
export interface Oracle {
  /** @throws Error with Istio's words when it can make nothing of the mesh at all, or has ended */
  ask(question: Question): Promise<Reply>
  stop(): void
}

/**
 * Starts it: the program `ISTIOD_ORACLE` names, or ours, built once (some minutes) and kept in the cache of tools.
 * @throws Error when Go or the network is missing
 */
export async function startOracle(): Promise<Oracle> {
  const program =
    process.env['ISTIOD_ORACLE'] || (await goProgram('istiod', new URL('./programs/', import.meta.url), 1_800_000))
  const child = spawn(program, { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] })
  const waiting: { resolve(line: string): void; reject(error: Error): void }[] = []
  createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => waiting.shift()?.resolve(line))
  const ended = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  child.on('error', ended)
  child.on('exit', (code, signal) => ended(new Error(`Istio's control plane has ended: ${signal ?? `status ${code}`}`)))
  return {
    async ask(question) {
      const line = await new Promise<string>((resolve, reject) => {
        waiting.push({ resolve, reject })
        put(child, question)
      })
      const said = JSON.parse(line) as {
        err?: string
        refused?: Record<string, string>
        res: readonly Resources[] | null
      }
      if (said.err) throw new Error(said.err)
      const refused = new Map(Object.entries(said.refused ?? {}).map(([index, reason]) => [Number(index), reason]))
      return { refused, proxies: said.res ?? [] }
    },
    stop: () => child.stdin?.end(),
  }
}

function put(child: ChildProcess, { id, documents, kube = '', mesh = '', proxies }: Question): void {
  child.stdin?.write(`${JSON.stringify({ id, documents, kube, mesh, proxies })}\n`)
}
