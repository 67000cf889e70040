import { fileURLToPath } from 'node:url'
import type { Workload } from './configuration.ts'
import { grpcProxy, tcpProxy, thriftProxy } from './envoys.ts'
import { start } from './native.ts'

/** The proxy has one CPU; load and upstream share another, so that neither takes time from it. */
const proxyCpu = 0
export const loadCpu = 1

/** Something between the load and the upstream. */
export interface Subject {
  readonly name: string
  readonly protocol: 'game' | 'thrift' | 'h2'
  readonly port: number
  /** Further ports: connections are dealt out to all of them in turn. */
  readonly morePorts?: readonly number[]
  /** Processes whose CPU time counts; none for the direct way. */
  readonly pids: readonly number[]
  /** Routes are dealt out to so many services, each with one host. */
  readonly services: number
  /** Different routes the load asks for. */
  readonly routes: number
}

const routes = 64

/** Starts the echo of a protocol, a port for each service. */
async function echo(folder: string, protocol: string, services: number): Promise<readonly number[]> {
  const program = start(loadCpu, `${folder}/echo`, [protocol, String(services)])
  const ports: number[] = []
  for (let i = 0; i < services; i++) ports.push(Number(await program.line()))
  return ports
}

type Floor = Pick<Subject, 'port' | 'morePorts' | 'pids'>

/** Our proxy in a process of its own. `workers` above 1: processes that share the port. */
export function ours(workload: Workload, workers = 1): Promise<Pick<Subject, 'port' | 'pids'>> {
  return nodeProgram('serve.ts', [String(workers), JSON.stringify(workload)])
}

async function nodeProgram(name: string, args: readonly string[]): Promise<Pick<Subject, 'port' | 'pids'>> {
  const file = fileURLToPath(new URL(name, import.meta.url))
  const program = start(proxyCpu, process.execPath, [...process.execArgv, file, ...args])
  return JSON.parse(await program.line()) as Pick<Subject, 'port' | 'pids'>
}

/** So many relays in C to one upstream, in a process each. */
export async function relays(folder: string, upstream: number, count: number): Promise<Floor> {
  const programs = Array.from({ length: count }, () => start(proxyCpu, `${folder}/relay`, [String(upstream)]))
  const [port = 0, ...morePorts] = await Promise.all(programs.map(async (program) => Number(await program.line())))
  return { port, morePorts, pids: programs.map(({ pid }) => pid) }
}

export const subjectNames = [
  'direct',
  'floor',
  'node1',
  'node4',
  'tcp_proxy',
  'thrift_proxy',
  'grpc',
  'game1',
  'game4',
  'thrift1',
  'thrift4',
  'all1',
  'all4',
] as const
const peers: readonly string[] = ['direct', 'floor', 'node1', 'node4', 'tcp_proxy', 'thrift_proxy', 'grpc']
/** Whether a subject is something our proxy is compared with. */
export const isPeer = (name: string) => peers.includes(name)
export type SubjectName = (typeof subjectNames)[number]

/** Starts what is asked for; everything waits idle until its turn. `size` of the frames in bytes, where it is only one. */
export async function startSubjects(
  folder: string,
  names: readonly SubjectName[],
  size?: number,
): Promise<readonly Subject[]> {
  const game = await echo(folder, 'game', 5)
  const thrift = await echo(folder, 'thrift', 4)
  const [first] = game as [number]
  const mirror = game[4]!
  const subject = async (name: SubjectName): Promise<Subject> => {
    const gameLoad = { name, protocol: 'game', routes } as const
    switch (name) {
      case 'direct':
        return { ...gameLoad, port: first, pids: [], services: 1 }
      case 'floor':
        return { ...gameLoad, ...(await relays(folder, first, 1)), services: 1 }
      case 'node1':
      case 'node4': {
        if (size === undefined) throw new Error(`${name} relays frames of one size: say which with --sizes`)
        const upstreams = game.slice(0, name === 'node1' ? 1 : 4)
        const relay = await nodeProgram('node-relay.ts', [size, ...upstreams].map(String))
        return { ...gameLoad, ...relay, services: upstreams.length }
      }
      case 'tcp_proxy':
        return { ...gameLoad, ...(await tcpProxy(proxyCpu, first)), services: 1 }
      case 'thrift_proxy':
        return { name, protocol: 'thrift', routes, ...(await thriftProxy(proxyCpu, thrift, routes)), services: 4 }
      case 'grpc': {
        const [upstream] = await echo(folder, 'h2', 1)
        return { name, protocol: 'h2', routes, ...(await grpcProxy(proxyCpu, upstream!)), services: 1 }
      }
      default: {
        const services = name.endsWith('4') ? 4 : 1
        const protocol = name.startsWith('thrift') ? 'thrift' : 'game'
        const upstreams = (protocol === 'game' ? game : thrift).slice(0, services)
        const features = name.startsWith('all') ? 'all' : 'plain'
        const process = await ours({ protocol, upstreams, routes, features, ...(features === 'all' && { mirror }) })
        return { name, protocol, routes, ...process, services }
      }
    }
  }
  const started: Subject[] = []
  for (const name of names) started.push(await subject(name))
  return started
}
