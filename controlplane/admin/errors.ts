import type { FastifyError, FastifyInstance } from 'fastify'

/** An answer that is an error; `code` is stable, the message is for people. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export const notFound = (message: string) => new ApiError(404, 'NOT_FOUND', message)
export const badRequest = (message: string) => new ApiError(400, 'BAD_REQUEST', message)

/** Every error leaves as `{code, message}`; details of the unexpected ones go to the log only. */
export function installErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | ApiError, request, reply) => {
    if (error instanceof ApiError) return reply.status(error.status).send({ code: error.code, message: error.message })
    if ('validation' in error && error.validation)
      return reply.status(400).send({ code: 'BAD_REQUEST', message: `${error.validationContext}: ${error.message}` })
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500
    if (status < 500) return reply.status(status).send({ code: error.code ?? 'BAD_REQUEST', message: error.message })
    request.log.error({ err: error }, 'request failed')
    return reply.status(500).send({ code: 'INTERNAL', message: 'the request failed; the log of meshgate says why' })
  })
  app.setNotFoundHandler((request, reply) =>
    reply
      .status(404)
      .send({ code: 'NOT_FOUND', message: `there is no ${request.method} ${request.url.split('?')[0]}` }),
  )
}
