import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Otherwise } from './errors.ts'

/**
 * Nothing comes from another host and no script stands in a page. Styles may: the component library and the editor write theirs
 * into the page (https://www.w3.org/TR/CSP3/).
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Paths that belong to programs: a mistyped one is an error, never a page. */
const NOT_PAGES = /^\/(api|healthz|metrics|openapi\.json|assets)(\/|$)/

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>meshgate</title>
<p>The pages are not built. Run <code>npm run ui:build</code>, then reload.
<p>The API works: <a href="/openapi.json">its description</a>.</html>
`

/**
 * The built admin UI in `folder`, served at /. The API lives under /api, so pages have the addresses people would guess; every
 * other address a browser asks for as a page is the one page, which finds its own way.
 */
export class AdminUi {
  readonly #folder: string
  readonly #built: boolean
  /** Read once: it names the hashed files of this build. */
  readonly #page: Buffer

  constructor(folder: string) {
    this.#folder = folder
    this.#built = existsSync(join(folder, 'index.html'))
    this.#page = this.#built ? readFileSync(join(folder, 'index.html')) : Buffer.from(NOT_BUILT)
  }

  async register(app: FastifyInstance): Promise<void> {
    app.get('/', { schema: { hide: true } }, async (_request, reply) => this.#send(reply))
    if (!this.#built) return
    await app.register(fastifyStatic, {
      root: this.#folder,
      index: false,
      wildcard: false,
      preCompressed: true,
      cacheControl: false,
      schemaHide: true,
      setHeaders: (response, path) => {
        // Names of assets carry a hash of their content.
        const immutable = path.includes('/assets/')
        response.setHeader('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })
  }

  /** For paths no route has: the page, if a browser asks for one. */
  readonly otherwise: Otherwise = (request, reply) => (wantsPage(request) ? this.#send(reply) : undefined)

  #send(reply: FastifyReply): FastifyReply {
    return reply
      .header('content-security-policy', CONTENT_SECURITY_POLICY)
      .header('referrer-policy', 'no-referrer')
      .header('cache-control', 'no-cache')
      .type('text/html; charset=utf-8')
      .send(this.#page)
  }
}

function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    !NOT_PAGES.test(url.split('?')[0]!) &&
    (headers.accept ?? '').includes('text/html')
  )
}
