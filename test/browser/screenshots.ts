import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { builtUi } from '../helpers/built-ui.ts'
import { launchChromium } from '../helpers/chromium.ts'
import { startEnvoy } from '../helpers/envoy.ts'
import { freePorts } from '../helpers/ports.ts'
import { stopEverything } from '../helpers/processes.ts'
import { serveChild } from '../helpers/serve.ts'

/** `npm run screenshots`: pictures of the main pages over the quickstart, with a real Envoy, for docs/screenshots. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const out = join(root, 'docs/screenshots')
const NODE = 'sidecar~127.0.0.1~shop.default~default.svc.cluster.local'
const SERVICE = '/services/default/reviews.default.svc.cluster.local'
const PAGES: readonly (readonly [name: string, path: string, scheme: 'light' | 'dark', language: 'en' | 'zh'])[] = [
  ['overview', '/', 'light', 'en'],
  ['overview-zh', '/', 'dark', 'zh'],
  ['services', '/services', 'light', 'zh'],
  ['service', SERVICE, 'light', 'en'],
  ['service-zh', SERVICE, 'dark', 'zh'],
  ['maglev', '/services/default/cart.default.svc.cluster.local?key=ann%20bob%20eve', 'dark', 'en'],
  ['rules', '/rules', 'light', 'en'],
  ['editor', '/rules/VirtualService/default/reviews/edit?view=split', 'light', 'en'],
  ['editor-zh', '/rules/DestinationRule/default/reviews/edit?view=split', 'dark', 'zh'],
  ['changes', '/changes', 'light', 'en'],
  ['change', '/changes/2', 'dark', 'en'],
  ['proxies', '/proxies', 'light', 'en'],
  ['proxy', `/proxies/${NODE}?tab=clusters`, 'dark', 'zh'],
  ['topology', '/topology', 'light', 'en'],
  ['topology-table', '/topology?as=table', 'dark', 'zh'],
  ['explain', `/explain?node=${NODE}&url=${encodeURIComponent('http://reviews/')}`, 'light', 'en'],
  ['settings', '/settings', 'light', 'zh'],
]

const FAULT = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
  annotations: { meshgate.io/expires-in: 45m }
spec:
  hosts: [cart]
  http:
    - fault: { abort: { httpStatus: 503, percentage: { value: 5 } } }
      timeout: 3s
      retries: { attempts: 2, perTryTimeout: 1s }
      route: [{ destination: { host: cart } }]
`

const work = mkdtempSync(join(tmpdir(), 'meshgate-screenshots-'))
const folder = join(work, 'config')
try {
  await builtUi()
  cpSync(join(root, 'examples/quickstart'), folder, { recursive: true })
  const [gateway, sidecar] = await freePorts(2)
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    const moved = text.replaceAll('8088', String(gateway)).replaceAll('15080', String(sidecar))
    writeFileSync(join(folder, file), moved)
  }
  const mesh = await serveChild('config', { cwd: work })
  const xds = { host: '127.0.0.1', port: mesh.xdsPort }
  const nodes = [
    [NODE, 'shop'],
    ['router~127.0.0.1~gateway.default~default.svc.cluster.local', 'gateway'],
  ] as const
  for (const [id, app] of nodes)
    await startEnvoy({
      bootstrap: envoyBootstrap({ node: { id, cluster: app, metadata: { LABELS: { app } } }, xds, mode: 'delta' }),
    })
  const ratings = join(folder, 'ratings.yaml')
  writeFileSync(ratings, readFileSync(ratings, 'utf8') + FAULT)
  await sleep(3_000)
  mkdirSync(out, { recursive: true })
  const browser = await launchChromium()
  for (const [name, path, colorScheme, language] of PAGES) {
    const locale = language === 'zh' ? 'zh-CN' : 'en-GB'
    const viewport = { width: 1280, height: 800 }
    const context = await browser.newContext({ viewport, colorScheme, locale, timezoneId: 'Asia/Shanghai' })
    const page = await context.newPage()
    await page.goto(mesh.apiUrl + path)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.locator('[data-live=live]').waitFor()
    await sleep(800)
    await page.screenshot({ path: join(out, `${name}.png`) })
    await context.close()
    console.log(`docs/screenshots/${name}.png`)
  }
  await browser.close()
} finally {
  await stopEverything()
  rmSync(work, { recursive: true, force: true })
}
