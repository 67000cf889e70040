/** gRPC status codes we use (https://grpc.io/docs/guides/status-codes/). */
export const STATUS = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

export interface Status {
  readonly code: (typeof STATUS)[keyof typeof STATUS]
  /** For the person at the client. */
  readonly message: string
}

/** What is known about the other end, from the connection alone. */
export interface Peer {
  /** `address:port`, or the path of a socket. */
  readonly address: string
  /** From this machine. */
  readonly local: boolean
  /** Names from a client certificate that was checked; undefined without one. */
  readonly identities: readonly Identity[] | undefined
}

/** A name a client certificate proves. */
export interface Identity {
  /** As in the certificate. */
  readonly text: string
  readonly namespace: string
  /** From a SPIFFE id. */
  readonly serviceAccount?: string
  /** From a DNS name. */
  readonly workload?: string
}

/**
 * One stream to one client. The serving side needs three functions of it; `pause` exists because a client may not make us
 * hurry.
 */
export interface Transport {
  readonly peer: Peer
  /**
   * Sends sealed frames, without copying long ones, in one write where it can. `done` is called when all have left for the kernel;
   * until then they count as unsent, and nothing more should be written.
   */
  write(frames: readonly Buffer[], done: () => void): void
  /** Ends the stream with a status; idempotent. */
  close(status: Status): void
  /** Cuts the connection: for a client that does not read, and would not read a status either. */
  destroy(): void
  /** Reads nothing more for a while. */
  pause(ms: number): void
}

/** What a transport calls. `closed` comes exactly once, last. */
export interface TransportHandler {
  message(bytes: Buffer): void
  /** All messages that had come are handed over: their answers may leave together. */
  settled(): void
  /** What came cannot be read, or is more than there is room for: to be counted, told, and answered by `close`. */
  refuse(why: { readonly reason: string; readonly status: Status }): void
  closed(): void
}

/** Bytes in front of each frame for gRPC: a compression flag and the length (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
export const GRPC_HEADROOM = 5

/** Writes the gRPC frame head into the headroom. */
export function sealGrpcFrame(frame: Buffer): void {
  frame[0] = 0
  frame.writeUInt32BE(frame.length - GRPC_HEADROOM, 1)
}
