import { isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { ApiError } from './errors.ts'

/**
 * Keeps pages of other sites out. A name that somebody else controls can be made to resolve to this address (DNS
 * rebinding), but then the Host header carries that name: only addresses, `localhost` and names we were told are answered.
 * Requests that change something must not come from another origin.
 */
export function installGuard(app: FastifyInstance, names: readonly string[]): void {
  const known = new Set(names.map((name) => name.toLowerCase()))
  app.addHook('onRequest', async (request) => {
    const host = hostOf(request.headers.host ?? '')
    if (!isIP(host) && host !== 'localhost' && !host.endsWith('.localhost') && !known.has(host))
      throw new ApiError(
        421,
        'WRONG_HOST',
        `the API does not answer to the name ${JSON.stringify(host)}; use its address, or start meshgate with --api-name ${host || 'NAME'}`,
      )
    const { origin } = request.headers
    if (
      origin !== undefined &&
      request.method !== 'GET' &&
      request.method !== 'HEAD' &&
      !sameOrigin(origin, request.headers.host)
    )
      throw new ApiError(
        403,
        'WRONG_ORIGIN',
        `a page of ${origin} may not change anything here: only pages that this API serves may, and programs, which send no Origin`,
      )
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
  })
}

function hostOf(header: string): string {
  const host = header.startsWith('[') ? header.slice(1, header.indexOf(']')) : header.replace(/:\d*$/, '')
  return host.toLowerCase()
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host
  } catch {
    return false // `null` and worse
  }
}
