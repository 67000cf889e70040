import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { median, round } from '../measure.ts'
import { loadOn, type Shape, shapeName } from './load.ts'
import { type Plan, warmUp } from './loops.ts'
import { start } from './native.ts'
import { loadCpu, ours, type Subject } from './subjects.ts'

/** Memory of a process that is really there, bytes. */
function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

function sockets(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}

async function echoPort(folder: string): Promise<number> {
  return Number(await start(loadCpu, `${folder}/echo`, ['game', '1']).line())
}

/** What a connection costs that says nothing, before and after it has sent one message. */
export async function idleConnections(folder: string, connections: number) {
  const upstream = await echoPort(folder)
  const workload = { protocol: 'game', upstreams: [upstream], routes: 64, features: 'plain' } as const
  const { port, pids } = await ours(workload)
  const pid = pids[0]!
  const numbers = [port, connections, 1, 300, 0, 0, 0, 64, 1].map(String)
  const before = residentBytes(pid)
  const load = start(loadCpu, `${folder}/load`, ['game', ...numbers])
  await load.line()
  await sleep(2000)
  const open = residentBytes(pid)
  load.child.stdin?.write('\n')
  const answer = await load.line()
  if (answer !== 'ready 0') throw new Error(`idle connections: ${answer}`)
  await sleep(5000)
  const used = residentBytes(pid)
  await load.stop()
  const each = (bytes: number) => round((bytes - before) / connections / 1024)
  return { connections, kbEachOpen: each(open), kbEachAfterOneMessage: each(used), wanted: 'at most 10' }
}

/** Two workers on one CPU under twice the connections: what a round trip costs against one worker, and who has how many connections. */
export async function twoWorkers(folder: string, { shapes, rounds, seconds }: Plan, say: (line: string) => void) {
  const upstream = await echoPort(folder)
  const workload = { protocol: 'game', upstreams: [upstream], routes: 64, features: 'plain' } as const
  const subject = async (name: string, workers: number): Promise<Subject> => ({
    name,
    protocol: 'game',
    services: 1,
    routes: 64,
    ...(await ours(workload, workers)),
  })
  const one = await subject('one worker', 1)
  const two = await subject('two workers', 2)
  const twice = ({ connections, window }: Shape): Shape => ({ connections: connections * 2, window })
  const options = { size: 300, seconds, warm: 0.5, rate: 0 }
  for (const each of [one, two]) await warmUp(folder, each)
  const rows: object[] = []
  for (const shape of shapes) {
    const ratios: number[] = []
    const single: number[] = []
    const both: number[] = []
    let shares = ''
    for (let n = 0; n < rounds; n++) {
      const first = await loadOn(folder, one, shape, options)
      const idle = two.pids.map(sockets)
      const running = loadOn(folder, two, twice(shape), options)
      await sleep((seconds * 1000) / 2 + 400)
      shares = two.pids.map((pid, i) => sockets(pid) - idle[i]!).join(' : ')
      const second = await running
      single.push(first.cpuUs!)
      both.push(second.cpuUs!)
      ratios.push(second.cpuUs! / first.cpuUs!)
    }
    const row = {
      shape: shapeName(shape),
      oneUs: round(median(single)),
      twoUs: round(median(both)),
      ratio: round(median(ratios)),
      wanted: 'at most 1.15',
      connections: shares,
    }
    say(`two workers ${row.shape}: ${row.ratio}, connections ${shares}`)
    rows.push(row)
  }
  return rows
}
