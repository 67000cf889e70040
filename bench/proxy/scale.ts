import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { median, round } from '../measure.ts'
import { loadOn, type Shape, shapeName } from './load.ts'
import { type Plan, warmUp } from './loops.ts'
import { start } from './native.ts'
import { loadCpu, ours, relays, type Subject } from './subjects.ts'

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

/**
 * Two workers on one CPU under twice the connections: what a round trip costs against one worker, and who has how many connections. Beside them, under
 * the same loads: two proxies that nobody leads, so what is left of the difference is the workers' own; one worker under twice the load; and two relays in
 * C against one, for what it costs any two processes to share a CPU and its caches.
 */
export async function twoWorkers(folder: string, { shapes, rounds, seconds }: Plan, say: (line: string) => void) {
  const upstream = await echoPort(folder)
  const workload = { protocol: 'game', upstreams: [upstream], routes: 64, features: 'plain' } as const
  const game = { protocol: 'game', services: 1, routes: 64 } as const
  const one: Subject = { ...game, name: 'one worker', ...(await ours(workload, 1)) }
  const two: Subject = { ...game, name: 'two workers', ...(await ours(workload, 2)) }
  const proxies = [await ours(workload, 1), await ours(workload, 1)] as const
  const twoProxies: Subject = {
    ...game,
    name: 'two proxies',
    port: proxies[0].port,
    morePorts: [proxies[1].port],
    pids: proxies.flatMap(({ pids }) => pids),
  }
  const loaded: Subject = { ...one, name: 'one worker, twice the load' }
  const relay: Subject = { ...game, name: 'floor', ...(await relays(folder, upstream, 1)) }
  const twoRelays: Subject = { ...game, name: 'floor', ...(await relays(folder, upstream, 2)) }
  const twice = ({ connections, window }: Shape): Shape => ({ connections: connections * 2, window })
  const options = { size: 300, seconds, warm: 0.5, rate: 0 }
  for (const each of [one, two, twoProxies]) await warmUp(folder, each)
  const subjects = [one, two, twoProxies, loaded, relay, twoRelays]
  const rows: object[] = []
  for (const shape of shapes) {
    const costs = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]))
    let shares = ''
    for (let n = 0; n < rounds; n++) {
      const order = [...costs.keys()]
      for (const subject of n % 2 === 0 ? order : order.reverse()) {
        const idle = subject.pids.map(sockets)
        const running = loadOn(folder, subject, subject === one || subject === relay ? shape : twice(shape), options)
        if (subject === two) {
          await sleep((seconds * 1000) / 2 + 400)
          shares = two.pids.map((pid, i) => sockets(pid) - idle[i]!).join(' : ')
        }
        costs.get(subject)!.push((await running).cpuUs!)
      }
    }
    const ratio = (over: Subject, under: Subject) =>
      round(median(costs.get(over)!.map((cost, n) => cost / costs.get(under)![n]!)))
    const row = {
      shape: shapeName(shape),
      oneUs: round(median(costs.get(one)!)),
      twoUs: round(median(costs.get(two)!)),
      ratio: ratio(two, one),
      wanted: 'at most 1.15',
      'two proxies ÷ one': ratio(twoProxies, one),
      'twice the load ÷ one': ratio(loaded, one),
      'two relays ÷ one': ratio(twoRelays, relay),
      connections: shares,
    }
    say(
      `two workers ${row.shape}: ${row.ratio}, two proxies ${row['two proxies ÷ one']}, two relays ${row['two relays ÷ one']}, connections ${shares}`,
    )
    rows.push(row)
  }
  return rows
}
