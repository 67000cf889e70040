import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { builtUi } from '../helpers/built-ui.ts'
import { launchChromium } from '../helpers/chromium.ts'
import { PROGRAM } from '../helpers/compiled.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest, stopEverything } from '../helpers/processes.ts'

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
  ['explain-zh', `/explain?node=${NODE}&url=${encodeURIComponent('http://cart/')}`, 'dark', 'zh'],
  ['log', `/proxies/${NODE}?tab=log`, 'light', 'en'],
  ['settings', '/settings', 'light', 'zh'],
]

/** Heights of pages whose point is below the first screen, px. */
const TALL: Readonly<Record<string, number>> = { maglev: 1380, 'explain-zh': 1240 }

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

/** Ports of the quickstart, each replaced by a free one. */
const PORTS = [
  '8088',
  '15080',
  '15000',
  '15010',
  ...Array.from({ length: 5 }, (_, index) => String(19081 + index)),
].concat(Array.from({ length: 5 }, (_, index) => String(19091 + index)))
/** Requests a second to each service while pictures are taken. */
const RATE = 8
/** Counters are read every five seconds, and rates need two readings. */
const FIGURES_MS = 16_000

const work = mkdtempSync(join(tmpdir(), 'meshgate-screenshots-'))
const folder = join(work, 'config')
try {
  await builtUi()
  cpSync(join(root, 'examples/quickstart'), folder, { recursive: true })
  const [xdsPort, apiPort, ...free] = await freePorts(PORTS.length + 2)
  const moved = new Map(PORTS.map((port, index) => [port, String(free[index])]))
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    writeFileSync(
      join(folder, file),
      text.replace(/\b\d{4,5}\b/g, (number) => moved.get(number) ?? number),
    )
  }
  const api = `http://127.0.0.1:${apiPort}`
  await spawnForTest({
    command: process.execPath,
    args: [...PROGRAM, 'up', 'config', '--envoy', '--xds', `127.0.0.1:${xdsPort}`, '--api', `127.0.0.1:${apiPort}`],
    cwd: work,
  })
  const send = (host: string) =>
    get({ host: '127.0.0.1', port: Number(moved.get('15080')), headers: { host, 'x-user': 'ann' } }, (answer) =>
      answer.resume(),
    ).on('error', () => {})
  await eventually(async () => expectConnected(await fetch(`${api}/api/v1/proxies`)), { withinMs: 60_000 })
  const traffic = setInterval(() => {
    for (const host of ['reviews', 'cart', 'ratings', 'shop']) send(host)
  }, 1_000 / RATE)
  const ratings = join(folder, 'ratings.yaml')
  writeFileSync(ratings, readFileSync(ratings, 'utf8') + FAULT)
  await sleep(FIGURES_MS)
  mkdirSync(out, { recursive: true })
  const browser = await launchChromium()
  for (const [name, path, colorScheme, language] of PAGES) {
    const locale = language === 'zh' ? 'zh-CN' : 'en-GB'
    const viewport = { width: 1280, height: TALL[name] ?? 800 }
    const context = await browser.newContext({ viewport, colorScheme, locale, timezoneId: 'Asia/Shanghai' })
    const page = await context.newPage()
    await page.goto(api + path)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.locator('[data-live=live]').waitFor()
    // What is shown makes a page ask for more, and fades in.
    await sleep(800)
    await page.locator('main:not([aria-busy=true])').waitFor()
    await sleep(400)
    await page.screenshot({ path: join(out, `${name}.png`) })
    await context.close()
    console.log(`docs/screenshots/${name}.png`)
  }
  clearInterval(traffic)
  await browser.close()
} finally {
  await stopEverything()
  rmSync(work, { recursive: true, force: true })
}

/** @throws Error as long as not both Envoys are there */
async function expectConnected(answer: Response): Promise<void> {
  const { proxies } = (await answer.json()) as { proxies: readonly { readonly connected: boolean }[] }
  if (proxies.filter(({ connected }) => connected).length < 2) throw new Error('the proxies are not connected yet')
}
