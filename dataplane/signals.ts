import { FrameKind } from '../codecs/contract.ts'
import type { Engine } from './engine.ts'
import type { Client } from './listen/client.ts'
import { takeCancel } from './reply/cancelled.ts'
import { C, L } from './stats/counters.ts'
import { flushLater } from './turn.ts'
import type { UpstreamConnection } from './upstream/connection.ts'

/** Frames that are neither requests nor replies, from a client. @returns false when the client is not to be read further for now. */
export function clientSignal(
  engine: Engine,
  client: Client,
  b: Uint8Array,
  at: number,
  length: number,
  kind: number,
): boolean {
  const { counters } = client.listener
  const bound = client.mode === 'bound'
  switch (kind) {
    case FrameKind.heartbeat: {
      counters[L.downstream_heartbeat_total]!++
      if (bound && client.forwardsHeartbeats && client.bound.forwardToAll(b, at, length)) return !client.held
      const answer = client.codec.reply?.('heartbeat', b, at, length, 0, '')
      if (answer) client.out.push(answer, 0, answer.length)
      return true
    }
    case FrameKind.handshake: {
      counters[L.downstream_push_total]!++
      if (bound && client.bound.greet(engine, b, at, length)) return !client.held
      counters[L.downstream_push_dropped]!++
      // Without its first frame a session is nothing: better no connection than one that never answers.
      if (bound) client.finish()
      return !client.held
    }
    case FrameKind.push: {
      counters[L.downstream_push_total]!++
      if (bound && client.bound.forwardRouted(engine, b, at, length)) return !client.held
      counters[L.downstream_push_dropped]!++
      return !client.held
    }
    case FrameKind.opaque: {
      counters[L.downstream_push_total]!++
      if (bound && client.bound.forwardRouted(engine, b, at, length)) return !client.held
      counters[L.downstream_push_dropped]!++
      // It may be a request, and there is nobody who could answer it.
      client.broken()
      return false
    }
    case FrameKind.cancel:
      // What is no request any more, or none of the proxy's, may be the upstream's own: of one client alone it hears all.
      if (takeCancel(engine, client, b, at, length) || (bound && client.bound.forwardCancel(engine, b, at, length)))
        return !client.held
      counters[L.downstream_push_dropped]!++
      return true
    case FrameKind.goaway:
      // The client leaves; what it waits for still comes.
      if (bound) client.bound.forwardToAll(b, at, length)
      return true
    case FrameKind.response:
    case FrameKind.heartbeatReply:
      if (bound && client.bound.forward(b, at, length)) return !client.held
      if (kind === FrameKind.response) counters[L.downstream_unexpected_frame]!++
      return true
    default:
      counters[L.downstream_unexpected_frame]!++
      return true
  }
}

/** Frames that are no replies, from an upstream. */
export function upstreamSignal(
  connection: UpstreamConnection,
  b: Uint8Array,
  at: number,
  length: number,
  kind: number,
): void {
  const { client, counters } = connection
  switch (kind) {
    case FrameKind.heartbeat:
    case FrameKind.heartbeatReply: {
      if (connection.takePong()) return
      if (client && !client.closed && client.forwardsHeartbeats) {
        // Every upstream of a session hears its client; the client hears its home alone.
        if (!client.session || client.session.home === connection) client.push(b, at, length)
        return
      }
      if (kind === FrameKind.heartbeatReply) return
      const answer = connection.replyCodec.reply?.('heartbeat', b, at, length, 0, '')
      if (answer) connection.out.push(answer, 0, answer.length)
      return
    }
    case FrameKind.handshake:
      if (client?.session && client.session.home !== connection) connection.greeted()
      else {
        if (client?.session) client.session.heard++
        forwardPush(connection, b, at, length)
      }
      return
    case FrameKind.goaway:
      counters[C.upstream_cx_goaway]!++
      client?.push(b, at, length)
      // At the end of the turn: replies may stand behind it in the same chunk.
      flushLater({ flush: () => connection.drain() })
      return
    default:
      // Pushes, requests of the server: they belong to the client whose connection this is.
      forwardPush(connection, b, at, length)
  }
}

function forwardPush({ client, counters }: UpstreamConnection, b: Uint8Array, at: number, length: number): void {
  if (!client || client.closed) {
    counters[C.upstream_push_dropped]!++
    return
  }
  counters[C.upstream_push_total]!++
  client.push(b, at, length)
}
