import type { Readable } from 'node:stream'
import { errorText } from '../../errors/thrown.ts'
import {
  authorize,
  type Logger,
  type Peer,
  RefusalLog,
  readNode,
  STATUS,
  type Status,
  TokenBucket,
} from '../ads/index.ts'
import { WireError } from '../subscription/wire.ts'
import type { NodeInfo } from '../xds/resource.ts'

/** Everything a reporting client can make the server spend, bounded. Each default with its reason. */
export interface ReportLimits {
  /** Streams of one service at a time: two per proxy while one is replaced. */
  readonly streams: number
  /** Messages per second and stream, sustained. Load reports come each second at most, access logs each second or 16 KiB. */
  readonly messagesPerSecond: number
  readonly messageBurst: number
  /** A stream that says nothing for so long after it was opened is closed, in ms. */
  readonly firstMessageMs: number
}

export const DEFAULT_REPORT_LIMITS: ReportLimits = {
  streams: 40_000,
  messagesPerSecond: 200,
  messageBurst: 2000,
  firstMessageMs: 10_000,
}

/** What is done with the messages of one node. `closed` comes exactly once, last. */
export interface NodeStream {
  message(bytes: Buffer): void
  closed(): void
}

export interface NodeService {
  /** For the log. */
  readonly name: string
  readonly limits: ReportLimits
  readonly logger: Logger
  readonly now: () => number
  /** The encoded node in the first message of a stream. @throws WireError */
  nodeIn(message: Buffer): Buffer | undefined
}

/** The parts of a grpc-js call that are the same for both kinds of client streams. */
type IncomingCall = Readable & { getPeer(): string }

/**
 * Reports of nodes are taken under the rules of xDS itself: the first message says who it is, and a certificate, where
 * certificates are asked for, must say the same (docs/security.md).
 */
export class NodeStreams {
  private readonly service: NodeService
  private readonly refusals: RefusalLog
  private open = 0

  constructor(service: NodeService) {
    this.service = service
    this.refusals = new RefusalLog(service.logger, service.now)
  }

  /** Streams open now. */
  get count(): number {
    return this.open
  }

  /**
   * @param open called once, with the node as it was authorised, before the first message is handed over
   * @param end ends the call with a status; called at most once
   */
  serve(call: IncomingCall, peer: Peer, open: (node: NodeInfo) => NodeStream, end: (status: Status) => void): void {
    const { name, limits, logger, now } = this.service
    let stream: NodeStream | undefined
    let finished = false
    const bucket = new TokenBucket(limits.messagesPerSecond, limits.messageBurst, now())
    let resume: NodeJS.Timeout | undefined
    const silent = setTimeout(() => {
      refuse({ code: STATUS.invalidArgument, message: `no message within ${limits.firstMessageMs} ms` })
    }, limits.firstMessageMs)
    silent.unref()
    const finish = () => {
      if (finished) return
      finished = true
      this.open--
      clearTimeout(silent)
      clearTimeout(resume)
      stream?.closed()
    }
    const refuse = (status: Status) => {
      if (finished) return
      const about = { peer: peer.address, service: name, code: status.code }
      this.refusals.tell('info', peer.address, status.message, about, `stream refused: ${status.message}`)
      finish()
      end(status)
    }
    this.open++
    if (this.open > limits.streams) {
      refuse({
        code: STATUS.resourceExhausted,
        message: `this control plane takes ${limits.streams} streams of ${name}`,
      })
      return
    }
    call.on('data', (bytes: Buffer) => {
      if (finished) return
      const time = now()
      if (!bucket.take(time)) {
        call.pause()
        resume ??= setTimeout(
          () => {
            resume = undefined
            if (!finished) call.resume()
          },
          Math.max(10, bucket.wait(time)),
        )
      }
      try {
        if (!stream) {
          const node = this.nodeOf(bytes, peer)
          if ('refused' in node) {
            refuse(node.refused)
            return
          }
          clearTimeout(silent)
          stream = open(node.node)
        }
        stream.message(bytes)
      } catch (error) {
        if (error instanceof WireError) refuse({ code: STATUS.invalidArgument, message: error.message })
        else {
          logger.error({ peer: peer.address, service: name, error }, 'a report could not be taken')
          refuse({ code: STATUS.internal, message: 'internal error; the log of the control plane has it' })
        }
      }
    })
    call.on('end', () => {
      if (finished) return
      finish()
      end({ code: STATUS.ok, message: '' })
    })
    call.on('cancelled', finish)
    call.on('error', finish)
    call.on('close', finish)
  }

  private nodeOf(message: Buffer, peer: Peer): { readonly node: NodeInfo } | { readonly refused: Status } {
    const bytes = this.service.nodeIn(message)
    if (!bytes) return refusal(STATUS.invalidArgument, 'the first message of a stream must carry the node')
    let claimed: NodeInfo
    try {
      claimed = readNode(bytes as Buffer, 'sotw')
    } catch (error) {
      return refusal(STATUS.invalidArgument, `the node is malformed: ${errorText(error)}`)
    }
    if (claimed.id === '') return refusal(STATUS.invalidArgument, 'the node has no id: set node.id in the bootstrap')
    const decision = authorize(claimed, peer)
    return 'refused' in decision ? refusal(STATUS.permissionDenied, decision.refused) : decision
  }
}

function refusal(code: Status['code'], message: string): { readonly refused: Status } {
  return { refused: { code, message } }
}
