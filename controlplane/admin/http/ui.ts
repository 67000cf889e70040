import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Otherwise } from './errors.ts'

/**
 * Nothing comes from another host and no script stands in a page. Styles may: the component library and the editor write theirs
 * into the page (https://www.w3.org/TR/CSP3/).
 */
const CONTENT_SECURITY_POLICY = [
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

const PAGE = 'index.html'

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>meshgate</title>
<p>The pages are not built. Run <code>npm run ui:build</code>, then reload.
<p>The API works: <a href="/openapi.json">its description</a>.</html>
`

/** What the page refers to beside its hashed files, as admin-ui/public has it. */
const BESIDE = ['color-scheme.js', 'icon.svg']

/**
 * The built admin UI in `folder`, served at /. The API lives under /api, so pages have the addresses people would guess; every
 * other address a browser asks for as a page is the one page, which finds its own way. All of it is read when it is asked for: a build may
 * come, or come anew with other names of files, while the control plane runs.
 */
export class AdminUi {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async register(app: FastifyInstance): Promise<void> {
    const hide = { schema: { hide: true } }
    await app.register(fastifyStatic, {
      root: this.#folder,
      serve: false,
      preCompressed: true,
      cacheControl: false,
      setHeaders: (response, path) => {
        // Names of assets carry a hash of their content.
        const immutable = path.includes('/assets/')
        response.setHeader('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })
    app.get('/', hide, async (_request, reply) => this.#send(reply))
    for (const file of BESIDE) app.get(`/${file}`, hide, (_request, reply) => reply.sendFile(file))
    app.get<{ Params: { '*': string } }>('/assets/*', hide, ({ params: { '*': name } }, reply) =>
      // To the library a way out of the folder is forbidden; here it is a file that is not there, as any other.
      name.split(/[/\\]/).includes('..') ? reply.callNotFound() : reply.sendFile(`assets/${name}`),
    )
  }

  /** For paths no route has: the page, if a browser asks for one. */
  readonly otherwise: Otherwise = (request, reply) => (wantsPage(request) ? this.#send(reply) : undefined)

  #send(reply: FastifyReply): FastifyReply {
    reply.header('content-security-policy', CONTENT_SECURITY_POLICY).header('referrer-policy', 'no-referrer')
    if (existsSync(join(this.#folder, PAGE))) return reply.sendFile(PAGE)
    return reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(NOT_BUILT)
  }
}

function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    !NOT_PAGES.test(url.split('?')[0]!) &&
    (headers.accept ?? '').includes('text/html')
  )
}
