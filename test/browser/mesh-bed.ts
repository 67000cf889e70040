import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Page } from 'playwright-core'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { builtUi } from '../helpers/built-ui.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { asVersion, meshSettings, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

/** Applies what is in the basket, and waits until the proxy has it. `confirm` is what a dangerous change asks to be typed. */
export async function applyAll(page: Page, reason: string, confirm?: string): Promise<void> {
  await page.locator('[data-planned]').waitFor()
  await page.getByLabel('Reason').fill(reason)
  if (confirm !== undefined) await page.locator('[data-confirm]').fill(confirm)
  await page.locator('[data-apply]').click()
  await page
    .locator('[data-converged="1"]')
    .waitFor()
    .catch(async (cause: Error) => {
      throw new Error(`it does not converge; the page says: ${await page.locator('main').innerText()}`, { cause })
    })
}

/** A mesh to look at: a control plane of its own on a folder, a real Envoy beside a caller, and upstreams that count. */
export interface MeshBed {
  readonly folder: string
  readonly plane: ServeChild
  readonly envoy: TestEnvoy
  readonly upstreams: readonly Upstream[]
  /** Address of the pages. */
  readonly url: string
  read(file: string): Promise<string>
  write(file: string, text: string): Promise<void>
  /** Gives all files the text they began with, whatever tests made of them, and resolves when the control plane has read that. */
  reset(): Promise<void>
  /** Ends the control plane and starts another one on the same folder and addresses. */
  restart(whileDown?: () => Promise<void>): Promise<void>
  /** Sends requests to a host through Envoy; answers by upstream name, or by status where no upstream answered. */
  send(
    host: string,
    count: number,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, number>>>
  /** Address of Envoy's HTTP port. */
  readonly httpUrl: string
  /** Resolves when Envoy has everything it is sent. */
  settled(): Promise<void>
}

export const REVIEWS = `# Most requests go to v1.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts: [reviews]
  http:
    - route:
        - destination: { host: reviews, subset: v1 }
          weight: 90 # the stable one
        - destination: { host: reviews, subset: v2 }
          weight: 10
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
spec:
  host: reviews
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
    - { name: v3, labels: { version: v3 } }
`

/** Starts everything; it ends with the test file. `files` come beside the services. */
export async function startMeshBed(
  files: Readonly<Record<string, string>> = { 'reviews.yaml': REVIEWS },
): Promise<MeshBed> {
  await builtUi()
  const folder = testFolder('ui')
  const upstreams = await Promise.all(['v1', 'v2', 'v3'].map((name) => startEcho(name)))
  const [httpPort, xdsPort, apiPort, adminPort] = (await freePorts(4)) as [number, number, number, number]
  const write = (file: string, text: string) => writeFile(join(folder, file), text)
  const places = upstreams.map((upstream) => asVersion(upstream, upstream.name))
  const beginning: Readonly<Record<string, string>> = {
    'meshgate.yaml': meshSettings(`httpPort: ${httpPort}`),
    'services.yaml': serviceAt('reviews', places) + serviceAt('cart', places),
    ...files,
  }
  for (const [file, text] of Object.entries(beginning)) await write(file, text)
  const args = ['--xds', `127.0.0.1:${xdsPort}`, '--api', `127.0.0.1:${apiPort}`]
  let plane = await serveChild(folder, { args })
  const envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: 'sidecar~127.0.0.1~shop.default~default.svc.cluster.local', metadata: {} },
      xds: { host: '127.0.0.1', port: plane.xdsPort },
      loadReports: false,
      adminPort,
    }),
  })
  return {
    ...{ folder, envoy, upstreams, write },
    get plane() {
      return plane
    },
    url: plane.apiUrl,
    async restart(whileDown = async () => {}) {
      await plane.kill()
      await whileDown().finally(async () => {
        plane = await serveChild(folder, { args })
      })
    },
    async reset() {
      const isConfiguration = (file: string) => file.endsWith('.yaml')
      for (const file of (await readdir(folder)).filter(isConfiguration))
        if (!(file in beginning)) await rm(join(folder, file))
      for (const [file, text] of Object.entries(beginning))
        if ((await readFile(join(folder, file), 'utf8').catch(() => undefined)) !== text) await write(file, text)
      await until(
        async () => {
          const { files: known } = await plane.api<{ files: { file: string }[] }>('/api/v1/documents')
          const texts = known.map(async ({ file }): Promise<[string, string]> => {
            const { text } = await plane.api<{ text: string }>(`/api/v1/documents/${encodeURIComponent(file)}`)
            return [file, text]
          })
          // A file that goes meanwhile has no text any more.
          return Promise.all(texts).then(Object.fromEntries, () => undefined)
        },
        (read) => isDeepStrictEqual(read, beginning),
        { what: 'the files are read as they were at first' },
      )
    },
    httpUrl: `http://127.0.0.1:${httpPort}`,
    read: (file) => readFile(join(folder, file), 'utf8'),
    async send(host, count, headers = {}) {
      const found: Record<string, number> = {}
      for (let i = 0; i < count; i++) {
        const answer = await once(httpPort, host, headers)
        found[answer] = (found[answer] ?? 0) + 1
      }
      return found
    },
    async settled() {
      await until(
        async () => {
          const { proxies } = await plane.api<{ proxies: { state: string; connected: boolean }[] }>('/api/v1/proxies')
          return proxies.filter(({ connected, state }) => connected && state === 'STALE')
        },
        (open) => open.length === 0,
        { what: 'Envoy is in step' },
      )
    },
  }
}

function once(port: number, host: string, headers: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, headers: { host, ...headers } }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      response.on('end', () => {
        const answer = response.statusCode === 200 ? (JSON.parse(body) as { name: string }).name : undefined
        resolve(answer ?? String(response.statusCode))
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}
