import type { ListenerRuntime } from '../../../dataplane/listen/listener.ts'
import { takeStats } from '../../../dataplane/stats/prometheus.ts'
import { pass, turns } from './clock.ts'
import { MESSAGE_IDS } from './documents.ts'
import type { Player, Subject } from './subject.ts'
import { Deed } from './upstreams.ts'

const PLAYERS = [1n, 2n, 77n]
/** So often each question is asked: a share of one in two, three or four comes out even, wherever the turn stands. */
const ASKED = 4
/** Ticks until an answer must have come: above every timeout and delay together. */
const MOST_TICKS = 1000

function frame(
  listener: ListenerRuntime,
  kind: number,
  msgid: number,
  id: number,
  player: bigint,
  deed: number,
): Buffer {
  const bytes = Buffer.alloc(25)
  bytes.writeUInt32BE(25, 0)
  bytes.write(listener.codec.name === 'arena' ? 'AR' : 'MG', 4, 'latin1')
  bytes[6] = kind
  bytes.writeUInt32BE(msgid, 8)
  bytes.writeUInt32BE(id, 12)
  bytes.writeBigUInt64BE(player, 16)
  bytes[24] = deed
  return bytes
}

/** What became of a question. */
interface Outcome {
  readonly what: string
  /** Ticks of the clock until then. */
  readonly ticks: number
}

const told = (reply: Buffer) => `${reply.toString('hex', 4, 12)} ${reply.toString('hex', 16)}`

async function ask(player: Player, bytes: Buffer): Promise<Outcome> {
  player.send(bytes)
  for (let ticks = 0; ; ticks++) {
    for (let n = ticks === 0 ? 8 : 3; n > 0; n--) {
      await turns(1)
      const [reply, second] = player.replies()
      if (second) return { what: `two answers: ${told(reply!)}, ${told(second)}`, ticks }
      if (reply) return { what: told(reply), ticks }
      if (player.gone) return { what: 'closed', ticks }
    }
    if (ticks === MOST_TICKS) return { what: 'nothing', ticks }
    await pass(1)
  }
}

/** What is not compared: it depends on connections there were, on whose turn it is, or on the process. */
const NOT_COMPARED =
  /^(envoy_cluster_upstream_cx_|envoy_cluster_upstream_rq_pending_total|envoy_cluster_outlier_|envoy_cluster_lb_|envoy_listener_downstream_cx_|process_|meshgate_tracing)|_bytes_total/

function counted({ proxy }: Subject): Readonly<Record<string, number>> {
  const { counters } = takeStats(proxy)
  return Object.fromEntries(Object.entries(counters).filter(([key]) => !NOT_COMPARED.test(key)))
}

/** Answers of one listener to the same questions. */
export interface Answers {
  readonly listener: string
  readonly questions: Record<string, unknown>
}

/** The same batch of requests for whatever proxy: what each was answered, where it came, what was counted of it. */
export async function probe(subject: Subject, ids: readonly number[] = MESSAGE_IDS) {
  const answers: Answers[] = []
  const before = counted(subject)
  const listeners = [...subject.proxy.listeners].filter(({ draining }) => !draining)
  listeners.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const listener of listeners) {
    const questions: Record<string, unknown> = {}
    const { table } = listener
    // Splits and balancers whose turn it is are compared by who is in, keys by who is meant.
    for (const msgid of ids) {
      for (const player of PLAYERS) {
        const client = subject.player(listener)
        const outcomes: Outcome[] = []
        for (let n = 0; n < ASKED; n++)
          outcomes.push(await ask(client, frame(listener, 1, msgid, n + 1, player, Deed.answer)))
        client.send(frame(listener, 3, msgid, 9, player, Deed.answer))
        await turns(6)
        const sample = frame(listener, 1, msgid, 1, player, 0)
        const route = table?.routes[table.lookup(sample, 0, sample.length)]
        const meant = route?.hasher !== undefined && route.destinations.length === 1
        const arrived = subject.upstreams.arrived()
        questions[`${msgid} of ${player}`] = {
          outcomes,
          frames: arrived.map(({ frame }) => frame).sort(),
          hosts:
            meant && keyed(route.destinations[0]!.cluster?.config.balancer.kind) ? arrived.map(({ host }) => host) : [],
        }
        client.leave()
      }
      for (const deed of [Deed.error, Deed.close, Deed.silence]) {
        const client = subject.player(listener)
        questions[`${msgid} with ${Object.keys(Deed)[deed]}`] = {
          outcome: await ask(client, frame(listener, 1, msgid, 20, 1n, deed)),
          tries: subject.upstreams.arrived().length,
        }
        client.leave()
        await turns()
      }
    }
    answers.push({ listener: listener.name, questions })
  }
  const after = counted(subject)
  const counts = Object.fromEntries(
    Object.entries(after).flatMap(([key, value]) =>
      value !== (before[key] ?? 0) ? [[key, value - (before[key] ?? 0)]] : [],
    ),
  )
  return { answers, counts }
}

const keyed = (kind: string | undefined) => kind === 'maglev' || kind === 'ringHash'
