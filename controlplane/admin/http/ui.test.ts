import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveConfig } from '../../live-config.ts'
import { createMesh } from '../../mesh.ts'
import { MemorySource } from '../../sources/index.ts'
import { StatusBook } from '../../status/book.ts'
import { createAdminServer } from '../server.ts'

const PAGE = { accept: 'text/html,application/xhtml+xml' }
let folder: string
let app: FastifyInstance

async function serve(ui: string): Promise<FastifyInstance> {
  const mesh = createMesh()
  const config = new LiveConfig(MemorySource.of({}), mesh)
  return createAdminServer({ version: '1', config, mesh, status: new StatusBook(), metrics: new Registry() }, { ui })
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meshgate-ui-'))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>pages</title>')
  writeFileSync(join(folder, 'icon.svg'), '<svg/>')
  writeFileSync(join(folder, 'assets/index-abc.js'), 'plain')
  writeFileSync(join(folder, 'assets/index-abc.js.br'), 'brotli')
  writeFileSync(join(folder, 'assets/index-abc.js.gz'), 'gzip')
  app = await serve(folder)
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true })
})

describe('the admin UI', () => {
  it.each(['/', '/proxies', '/services/default/reviews.default.svc.cluster.local', '/changes/12?tab=diff'])(
    'answers a browser that asks for %s with the one page, never kept, no foreign script',
    async (url) => {
      const { statusCode, headers, body } = await app.inject({ url, headers: PAGE })
      expect({ statusCode, body }).toEqual({ statusCode: 200, body: '<!doctype html><title>pages</title>' })
      expect(headers['cache-control']).toBe('no-cache')
      expect(headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self';/)
      expect(headers['content-security-policy']).toMatch(/frame-ancestors 'none'/)
    },
  )

  it.each(['/api/v1/nothing', '/api', '/metrics/x', '/healthz/x', '/openapi.json/x', '/assets/old-hash.js'])(
    'never stands in for a path of programs: %s',
    async (url) => {
      const { statusCode, json } = await app.inject({ url, headers: PAGE })
      expect(statusCode).toBe(404)
      expect(json()).toMatchObject({ code: 'NOT_FOUND' })
    },
  )

  it('sends the page compressed as it lies there, and not again to who has it', async () => {
    writeFileSync(join(folder, 'index.html.gz'), 'gzip')
    const ask = (headers: object) =>
      app.inject({ url: '/rules', headers: { ...PAGE, 'accept-encoding': 'gzip', ...headers } })
    const first = await ask({})
    expect(first.body).toBe('gzip')
    const { statusCode, body } = await ask({ 'if-none-match': first.headers.etag })
    expect({ statusCode, body }).toEqual({ statusCode: 304, body: '' })
  })

  it('answers programs that ask for a page by mistake with an error', async () => {
    const { statusCode } = await app.inject({ url: '/proxies', headers: { accept: 'application/json' } })
    expect(statusCode).toBe(404)
  })

  it('sends hashed files compressed as they lie there, to be kept for ever', async () => {
    const get = (encoding: string) =>
      app.inject({ url: '/assets/index-abc.js', headers: { 'accept-encoding': encoding } })
    const brotli = await get('gzip, deflate, br')
    expect(brotli.body).toBe('brotli')
    expect(brotli.headers).toMatchObject({
      'content-encoding': 'br',
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': expect.stringContaining('javascript'),
    })
    expect((await get('gzip')).body).toBe('gzip')
    expect((await get('identity')).body).toBe('plain')
  })

  it('keeps files without a hash no longer than a page', async () => {
    const { headers } = await app.inject({ url: '/icon.svg' })
    expect(headers['cache-control']).toBe('no-cache')
  })

  it.each(['/../package.json', '/assets/..%2f..%2fpackage.json', '/%2e%2e/%2e%2e/etc/passwd'])(
    'does not leave its folder: %s',
    async (url) => {
      const { statusCode, body } = await app.inject({ url })
      expect(statusCode).toBeGreaterThanOrEqual(400)
      expect(body).not.toContain('"meshgate"')
    },
  )

  it('says what to do when the pages are not built', async () => {
    const bare = await serve(join(folder, 'absent'))
    const { statusCode, body } = await bare.inject({ url: '/', headers: PAGE })
    await bare.close()
    expect(statusCode).toBe(200)
    expect(body).toContain('npm run ui:build')
  })

  it('serves a build that comes, and one that takes its place, while it runs', async () => {
    const late = join(folder, 'late')
    const running = await serve(late)
    const build = (name: string) => {
      rmSync(late, { recursive: true, force: true })
      mkdirSync(join(late, 'assets'), { recursive: true })
      writeFileSync(join(late, 'index.html'), `<script src="/assets/${name}.js"></script>`)
      writeFileSync(join(late, `assets/${name}.js`), name)
    }
    const shown = async (name: string) => {
      const page = await running.inject({ url: '/rules', headers: PAGE })
      const script = await running.inject({ url: `/assets/${name}.js` })
      return [page.body, script.statusCode, script.body]
    }
    for (const name of ['first', 'second']) {
      build(name)
      expect(await shown(name)).toEqual([`<script src="/assets/${name}.js"></script>`, 200, name])
    }
    await running.close()
  })
})
