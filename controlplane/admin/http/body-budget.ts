import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError } from './errors.ts'

/** What bodies of all requests under way may take together, bytes; those that are shorter than `FREE_BYTES` are limited by their number. */
const BUDGET_BYTES = 128 * 1024 * 1024
const FREE_BYTES = 64 * 1024
/** Connections of clients at the same time: more are closed at once, so that proxies always find a descriptor left. */
export const MOST_CONNECTIONS = 2_048

/**
 * Limits the memory that bodies take: each sets aside what it may grow to, from its first byte until it is answered. Who sends
 * a large one slowly, or a thousand at once, is told to come back, and small requests go on.
 */
export function installBodyBudget(app: FastifyInstance, budget = BUDGET_BYTES): void {
  let taken = 0
  // After access control: who may not ask gets that answer.
  app.addHook('preParsing', async (request, reply) => {
    const bytes = bodyBytes(request)
    if (bytes <= FREE_BYTES) return
    if (taken + bytes > budget) {
      reply.header('retry-after', '2')
      throw new ApiError(503, 'BUSY', 'too many large requests are under way: try again in a moment')
    }
    taken += bytes
    reply.raw.once('close', () => {
      taken -= bytes
    })
  })
}

/** The most a body can become; one that does not tell its length may reach the limit of its path. */
function bodyBytes({ headers, routeOptions: { bodyLimit } }: FastifyRequest): number {
  const limit = bodyLimit ?? 1024 * 1024
  if (headers['transfer-encoding'] !== undefined) return limit
  return Math.min(Number(headers['content-length'] ?? 0), limit)
}
