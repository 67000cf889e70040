import { FEWER_NAMES, RequestTooLarge } from '../subscription/read-names.ts'
import { WireError } from '../subscription/wire.ts'
import { STATUS, type Status } from './transport.ts'

/** Why a stream is ended. */
export interface Refusal {
  /** For the counter. */
  readonly reason: string
  readonly status: Status
  /** As which node the client came, when it is not known as that. */
  readonly claimed?: string
  /** Somebody should look after it. */
  readonly loud?: boolean
}

/** A request that says what it may not; `reason` is for the counter, `message` for people. */
export function invalid(reason: string, message: string): Refusal {
  return { reason, status: { code: STATUS.invalidArgument, message } }
}

/** A request that could not be read or answered; undefined when it is no fault of the client. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RequestTooLarge) return exhausted('limit', error.message)
  return error instanceof WireError ? invalid('malformed', error.message) : undefined
}

/** What went wrong here. The client is not told more: it is not its business. */
export const INTERNAL: Refusal = {
  reason: 'internal',
  status: { code: STATUS.internal, message: 'internal error; the log of the control plane has it' },
}

/** @param waitMs how long the first request was waited for */
export function silent(waitMs: number): Refusal {
  return invalid('silent', `no request within ${waitMs} ms`)
}

/** @param most how many names a stream may subscribe to */
export function tooManyNames(most: number): Refusal {
  return exhausted('names', `subscribed to more than ${most} names; ${FEWER_NAMES}`)
}

/**
 * All streams together ask for more names that do not exist than may be.
 * @param missing of the stream that asks for most
 * @param most of all together
 */
export function tooManyMissing(missing: number, most: number): Refusal {
  return exhausted(
    'missing',
    `asks for ${missing} names that do not exist, more than any other proxy, and all of them together may ask for ${most}; remove what names them`,
  )
}

function exhausted(reason: string, message: string): Refusal {
  return { reason, status: { code: STATUS.resourceExhausted, message } }
}
