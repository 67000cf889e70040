import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { Accounts, Audit, Ledger } from '../ledger/index.ts'
import { LiveConfig } from '../live-config.ts'
import { createMesh } from '../mesh.ts'
import { FileStore } from '../sources/index.ts'
import { StatusBook } from '../status/book.ts'
import { Changes } from './changes/changes.ts'
import type { Editing } from './editing.ts'
import { refusalsOf } from './http/refusals.ts'
import { createAdminServer } from './server.ts'

/** For tests: an API over a folder with these files, without any proxy. It fails at the end where it refused what it does not describe. */
export interface TestApi {
  readonly app: FastifyInstance
  readonly root: string
  readonly editing: Editing
  readonly config: LiveConfig
  stop(): Promise<void>
}

/**
 * Makes a `TestApi`; `stop` it.
 * @param files texts by name
 * @param loopback whether the API is as one that can be reached from this machine only
 */
export async function testApi(
  files: Readonly<Record<string, string>>,
  { loopback = true }: { readonly loopback?: boolean } = {},
): Promise<TestApi> {
  const root = mkdtempSync(join(tmpdir(), 'meshgate-changes-'))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text)
  const ledger = await Ledger.open(root)
  const source = new FileStore({ paths: root })
  const mesh = createMesh()
  const config = new LiveConfig(source, mesh)
  const status = new StatusBook()
  const changes = new Changes({ ledger, folder: root, source, config, mesh, status })
  const editing = {
    changes,
    accounts: new Accounts(ledger.db, { rounds: 1_024 }),
    audit: new Audit(ledger.db),
    loopback,
  }
  const app = await createAdminServer({ version: '1', config, mesh, status, metrics: new Registry(), editing })
  const undescribed: string[] = []
  app.addHook('onSend', async ({ routeOptions: { config: own, method, schema, url } }, { statusCode }, answer) => {
    // A path that nobody has described says so of itself.
    if (statusCode < 400 || url === undefined || typeof answer !== 'string' || !url.startsWith('/api/')) return
    const { code } = JSON.parse(answer) as { code: string }
    const refusals = refusalsOf({ method, ...(schema && { schema }), config: own })
    if (!refusals[statusCode]?.includes(code)) undescribed.push(`${method} ${url}: ${statusCode} ${code}`)
  })
  await config.start()
  return {
    ...{ app, root, editing, config },
    async stop() {
      await app.close()
      changes.stop()
      editing.audit.flush()
      await config.stop()
      await ledger.close()
      rmSync(root, { recursive: true })
      if (undescribed.length > 0) throw new Error(`answers that docs/openapi.json does not tell of: ${undescribed}`)
    },
  }
}
