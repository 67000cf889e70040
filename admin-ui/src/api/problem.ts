import type { Error as ErrorBody } from './schema.ts'

/** An answer of the API that is an error. `code` is stable, the message is for people. */
export class ApiProblem extends Error {
  override name = 'ApiProblem'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly code: string
  /** The whole answer: conflicts carry their texts in it. */
  readonly body: unknown

  constructor(status: number, { code, message }: ErrorBody, body?: unknown) {
    super(message)
    this.status = status
    this.code = code
    this.body = body
  }
}

/** What an answer that is not 2xx says, whoever gave it. */
export function problemOf(status: number, body: unknown): ApiProblem {
  const { code, message } = (typeof body === 'object' && body !== null ? body : {}) as Partial<ErrorBody>
  return new ApiProblem(
    status,
    { code: code ?? 'UNKNOWN', message: message ?? `the server answered ${status} without a reason` },
    body,
  )
}
