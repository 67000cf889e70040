import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { Accounts, Ledger } from '../../controlplane/ledger/index.ts'
import {
  expectAccessible,
  IN_A_BROWSER,
  type OpenOptions,
  openPage,
  settled,
  startBrowser,
  withoutBrowser,
} from '../helpers/browser.ts'
import { builtUi } from '../helpers/built-ui.ts'
import { hasConsul, requireConsul, startConsul } from '../helpers/consul.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { eventually, IN_THE_END_MS, until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { meshSettings, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

const NODE = 'sidecar~127.0.0.1~shop.default~default.svc.cluster.local'
const HOST = 'reviews.default.svc.cluster.local'
const SERVICE = `/services/default/${HOST}`

const SERVICES = `${serviceAt('reviews', [
  { host: '127.0.0.2', port: 80, labels: { version: 'v1' } },
  { host: '127.0.0.3', port: 80, labels: { version: 'v2' } },
])}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    connectionPool: {http: {http1MaxPendingRequests: 100}}
    loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 1021}}}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`
/** What is written as Envoy's own message is always sent. */
const slowCluster = `apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: slow}
spec:
  clusters: [{name: slow, type: STATIC, connectTimeout: 1s}]
`
const rules = (v1: number, more = '') => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - route:
        - {destination: {host: reviews, subset: v1}, weight: ${v1}}
        - {destination: {host: reviews, subset: v2}, weight: ${100 - v1}}
${more}`

describe.skipIf(withoutBrowser())('the pages, over a real control plane and a real Envoy', IN_A_BROWSER, () => {
  let browser: Browser
  let mesh: ServeChild
  let envoy: Promise<TestEnvoy> | undefined
  let folder: string

  beforeAll(async () => {
    await builtUi()
    folder = testFolder('pages')
    const httpPort = await freePort()
    writeFileSync(join(folder, 'mesh.yaml'), meshSettings(`httpPort: ${httpPort}`))
    writeFileSync(join(folder, 'services.yaml'), SERVICES)
    writeFileSync(join(folder, 'rules.yaml'), rules(90))
    ;[mesh, browser] = await Promise.all([serveChild(folder), startBrowser()])
    // The last test but one asks what came of it; it goes silent while the others run.
    if (await hasConsul()) {
      silenced = watchSilence()
      silenced.catch(() => {})
    }
  })

  /** Each test begins with the rules as they were at first, also where one before it ended in the middle. */
  beforeEach(async () => {
    rmSync(join(folder, 'broken.yaml'), { force: true })
    if (readFileSync(join(folder, 'rules.yaml'), 'utf8') !== rules(90)) await change('rules.yaml', rules(90))
  })

  /** The Envoy of all tests, started by the first that needs one: each test can be run alone. */
  const connected = () => {
    const bootstrap = envoyBootstrap({
      node: { id: NODE, cluster: 'shop.default' },
      xds: { host: '127.0.0.1', port: mesh.xdsPort },
      mode: 'delta',
    })
    envoy ??= startEnvoy({ bootstrap })
    return envoy
  }
  /** The overview of a control plane whose registry has just gone silent: that it is lost is believed after some ten seconds. */
  async function watchSilence(): Promise<Page> {
    const consul = await startConsul()
    const plane = await serveChild(testFolder('registry'), { args: ['--consul', consul.url] })
    const page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    await page.goto(plane.apiUrl)
    await page.getByText('Nothing to complain about').waitFor({ timeout: IN_THE_END_MS })
    await consul.kill()
    return page
  }
  let silenced: Promise<Page> | undefined

  const open = (path: string, options?: OpenOptions) => openPage(browser, mesh.apiUrl + path, options)
  const change = async (file: string, text: string) => {
    const newest = async () =>
      (await mesh.api<{ revisions: { id: number }[] }>('/api/v1/revisions?limit=1')).revisions[0]?.id ?? 0
    const before = await newest()
    writeFileSync(join(folder, file), text)
    return until(newest, (id) => id > before, { what: `${file} is a revision` })
  }

  it('without a proxy the overview says how to connect one; when one connects it shows by itself', async () => {
    if (envoy) {
      // Tried again: there was a proxy.
      await (await envoy).stop()
      envoy = undefined
      await mesh.process.stop()
      mesh = await serveChild(folder)
    }
    const { page, complaints } = await open('/')
    await page.getByText('Connect the first proxy').waitFor()
    expect(await page.locator('pre', { hasText: 'meshgate bootstrap' }).innerText()).toContain(`:${mesh.xdsPort}`)
    await page.locator('[data-live=live]').waitFor()
    await connected()
    await page.getByText('Connect the first proxy').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: /Proxies connected\s*1/ }).waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it.each([
    ['en', 'light', 1360],
    ['zh', 'dark', 390],
  ] as const)(
    'every page has no serious finding of axe-core, no error of the browser and nothing beside it (%s, %s, %i px)',
    async (language, scheme, width) => {
      await connected()
      const pages = [
        '/',
        '/services',
        SERVICE,
        `${SERVICE}?tab=endpoints`,
        `${SERVICE}?tab=effective`,
        '/changes',
        '/changes/1',
        '/changes/compare?from=0&to=1',
        '/proxies',
        `/proxies/${NODE}`,
        `/proxies/${NODE}?tab=clusters`,
        ...(width < 400 ? [`/proxies/${NODE}?tab=log`, '/rules/new', '/rules/import'] : []),
        '/topology?find=reviews+or+idle&hide=kind:gateway',
        '/topology?as=table',
        `/explain?node=${NODE}&url=${encodeURIComponent('http://reviews/')}`,
        '/settings',
        '/settings?tab=tokens',
        '/nowhere',
      ]
      // Two at a time: most of it is waiting. On a wide screen each page is opened by its address, on a narrow one they follow each other.
      const walk = async (paths: readonly string[]) => {
        const { page, complaints } = await open('/', {
          language,
          colorScheme: scheme,
          viewport: { width, height: 860 },
        })
        const goTo = (path: string) =>
          width < 400
            ? page.evaluate(`history.pushState({}, '', ${JSON.stringify(path)})`)
            : page.goto(mesh.apiUrl + path)
        await settled(page)
        for (const path of paths) {
          await goTo(path)
          await settled(page)
          await expectAccessible(page, path)
          await expect
            .poll(() => page.evaluate<number>('document.documentElement.scrollWidth'), { message: path })
            .toBeLessThanOrEqual(width)
        }
        expect(await page.locator('html').getAttribute('lang')).toBe(language === 'zh' ? 'zh-CN' : 'en')
        // A revision made by hand is not followed, and the traffic after the first not watched: the API says 404.
        expect(complaints.filter((one) => !/\/revisions\/1\/(convergence|figures)/.test(one))).toEqual([])
      }
      const half = Math.ceil(pages.length / 2)
      await Promise.all([walk(pages.slice(0, half)), walk(pages.slice(half))])
    },
  )

  it('the service page shows what rules do, and where a key goes', async () => {
    const { page, context } = await open(SERVICE)
    const split = page.locator('[data-topic=split]')
    await split.getByText('90 %').waitFor()
    await split.getByText('rules.yaml:8').waitFor()
    await page.locator('[data-topic=fault][data-on=false]').waitFor()
    await page.getByLabel('Keys (header value, cookie, address)').fill('ann')
    await page.getByText(/ann → 127\.0\.0\.[23]:80/).waitFor()
    await expect.poll(() => new URL(page.url()).searchParams.get('key')).toBe('ann')
    await context.close()
  })

  it('follows an edit of the file, and undoes it with a reason: the proxy has the old weights again', async () => {
    await connected()
    const { page, context } = await open(SERVICE)
    await page.locator('[data-topic=split]').getByText('90 %').waitFor()
    const revision = await change('rules.yaml', rules(60))
    await page.locator('[data-topic=split]').getByText('60 %').waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('c')
    await page.getByRole('button', { name: `Undo revision ${revision}` }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('weight: 60').waitFor()
    await expectAccessible(page, 'undo')
    await dialog.getByLabel('Reason').fill('too early')
    await dialog.getByRole('button', { name: 'Apply' }).click()
    await page.waitForURL(`**/changes/${revision + 1}`)
    await page.locator('[data-converged="1"]').waitFor()
    expect(readFileSync(join(folder, 'rules.yaml'), 'utf8')).toBe(rules(90))
    const proxy = await connected()
    await eventually(async () => {
      const dump = await proxy.admin('/config_dump?include_eds')
      expect(dump).toContain('"weight": 90')
      expect(dump).not.toContain('"weight": 60')
    })
    await context.close()
  })

  it('a fault counts down on the overview and ends by itself, as a revision; Envoy has it and then has it not', async () => {
    await connected()
    const fault = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews-test, annotations: {meshgate.io/expires-in: 10m}}
spec:
  hosts: [other.default.svc.cluster.local]
  http:
    - fault: {abort: {httpStatus: 555, percentage: {value: 100}}}
      route: [{destination: {host: reviews}}]
`
    const { page, context } = await open('/')
    await page.getByRole('link', { name: /Proxies connected\s*1/ }).waitFor()
    await change('rules.yaml', rules(90, fault))
    await page.getByText('1 fault is injected now').waitFor()
    await page.getByText(/ends in 0?9:[0-5]\d/).waitFor()
    // Its end is brought forward in the file, which is as good as waiting for it.
    const ends = /\d{4}-\d\d-\d\dT[\d:.]+Z/
    const rulesFile = join(folder, 'rules.yaml')
    const dated = await until(
      () => readFileSync(rulesFile, 'utf8'),
      (text) => ends.test(text),
      { what: 'the end of the fault is a time' },
    )
    writeFileSync(rulesFile, dated.replace(ends, new Date(Date.now() + 2_000).toISOString()))
    await page.getByText('1 fault is injected now').waitFor({ state: 'detached' })
    await page.getByText('faults and mirrors ended').waitFor()
    expect(readFileSync(join(folder, 'rules.yaml'), 'utf8')).not.toContain('555')
    // Not the bare number: ports and times have it as well.
    const envoy = await connected()
    await expect.poll(() => envoy.admin('/config_dump')).not.toMatch(/"http_status": 555\b/)
    await context.close()
  })

  it('what Envoy refuses is shown in its words, with the line', async () => {
    await connected()
    // Envoy has no such file; meshgate cannot know that.
    const broken = `apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: broken}
spec:
  clusters:
    - name: broken
      type: STATIC
      connectTimeout: 1s
      transportSocket:
        name: tls
        typedConfig:
          '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          commonTlsContext: {validationContext: {trustedCa: {filename: /absent/ca.pem}}}
`
    const { page, context } = await open('/proxies?state=NACK')
    await change('broken.yaml', broken)
    await page.getByRole('link', { name: NODE }).click()
    await page.getByText('Refuses CDS').waitFor()
    const alert = page.locator('.mantine-Alert-root', { hasText: '/absent/ca.pem' })
    await alert.getByText('broken.yaml:').first().waitFor()
    await page.getByRole('tab', { name: 'Log' }).click()
    const refusal = page.locator('[data-event=nack]', { hasText: 'CDS' }).first()
    await refusal.getByText('/absent/ca.pem').waitFor()
    // What it was sent stands below, by the same nonce, and what it took as well.
    const nonce = await refusal.locator('td').nth(3).innerText()
    const sent = page.locator('[data-event=sent]', { hasText: 'CDS' })
    await sent.locator('td:nth-child(4)').getByText(nonce, { exact: true }).first().waitFor()
    await page.locator('[data-event=ack]').first().waitFor()
    rmSync(join(folder, 'broken.yaml'))
    await page.getByText('Refuses CDS').waitFor({ state: 'detached' })
    await context.close()
  })

  it('a proxy that takes long to acknowledge clusters can start no other: its page says so while it lasts, and the list shows that there is something', async () => {
    const { pid } = await connected()
    const { page, context } = await open(`/proxies/${NODE}`)
    await page.getByText(/\d+ clusters?; \d+ learned for sidecar\/default\/shop/).waitFor()
    const notice = page.locator('.mantine-Alert-root', { hasText: 'it can start no other on demand meanwhile' })
    process.kill(pid, 'SIGSTOP')
    try {
      await change('slow.yaml', slowCluster)
      await notice.waitFor()
      await page.goto(`${mesh.apiUrl}/proxies`)
      await page.getByRole('img', { name: 'it can start no other on demand meanwhile' }).waitFor()
      await page.getByRole('link', { name: NODE }).click()
      await notice.waitFor()
    } finally {
      process.kill(pid, 'SIGCONT')
      rmSync(join(folder, 'slow.yaml'), { force: true })
    }
    await notice.waitFor({ state: 'detached' })
    await context.close()
  })

  it('works by keyboard alone: palette, skip link, search', async () => {
    const { page, context } = await open('/')
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.keyboard.press('Tab')
    await page.locator(':focus', { hasText: 'Skip to content' }).waitFor()
    // All of it at once, and Enter right behind the name: whether there is a field yet, and names of the mesh, or not.
    await page.evaluate(`for (const init of [{ key: 'k', ctrlKey: true }, ...[...'reviews.def', 'Enter'].map((key) => ({ key }))])
      document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { ...init, bubbles: true, cancelable: true }))`)
    await page.waitForURL(`**${SERVICE}`)
    await page.getByRole('status').filter({ hasText: HOST }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await expectAccessible(page, 'keys')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await connected()
    await page.keyboard.press('g')
    await page.keyboard.press('p')
    await page.waitForURL('**/proxies')
    await page.getByRole('searchbox').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('nothing like it')
    await page.getByText('Nothing matches').waitFor()
    await expect.poll(() => new URL(page.url()).searchParams.get('q')).toBe('nothing like it')
    await context.close()
  })

  it('once users are defined it asks for a login, gives tokens, and logs out', async () => {
    const own = testFolder('login')
    writeFileSync(join(own, 'services.yaml'), SERVICES)
    const ledger = await Ledger.open(own)
    const accounts = new Accounts(ledger.db, { rounds: 1_024 })
    await accounts.add('ann', 'admin', 'correct horse battery')
    await accounts.add('eve', 'viewer', 'correct horse battery')
    await ledger.close()
    const plane = await serveChild(own)
    const { page, context } = await openPage(browser, `${plane.apiUrl}/settings?tab=tokens`)
    await page.locator('input[name=username]').fill('ann')
    await page.locator('input[name=password]').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('there is no such user, or the password is wrong').waitFor()
    await expectAccessible(page)
    await page.locator('input[name=password]').fill('correct horse battery')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByLabel('Name').fill('ci')
    await page.getByRole('button', { name: 'Create' }).click()
    const secret = await page.locator('code', { hasText: /^mg_/ }).innerText()
    const asked = await fetch(`${plane.apiUrl}/api/v1/session`, { headers: { authorization: `Bearer ${secret}` } })
    expect(await asked.json()).toMatchObject({ user: 'ann/ci', role: 'viewer', via: 'token' })
    await page.getByRole('tab', { name: 'Users' }).click()
    await page.getByRole('cell', { name: 'ann' }).waitFor()
    // The session ends while one looks: the next thing asked brings the login, and that brings back the page.
    await context.clearCookies()
    await page.getByRole('tab', { name: 'Audit' }).click()
    await page.getByText('Your session has ended').waitFor()
    await expectAccessible(page, 'session ended')
    await page.locator('input[name=username]').fill('ann')
    await page.locator('input[name=password]').fill('correct horse battery')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('tab', { name: 'Audit', selected: true }).waitFor()
    await page.getByRole('button', { name: 'User menu' }).click()
    await page.getByText('Role: admin').waitFor()
    await expectAccessible(page, 'user menu')
    await page.getByRole('menuitem', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in to meshgate' }).waitFor()
    await page.locator('input[name=username]').fill('eve')
    await page.locator('input[name=password]').fill('correct horse battery')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('link', { name: 'Rules' }).click()
    await page.getByRole('button', { name: 'New rule' }).hover()
    await page.getByRole('tooltip').filter({ hasText: 'Your role may read, not change' }).waitFor()
    expect(await page.getByRole('link', { name: /New rule|Import/ }).count()).toBe(0)
    await context.close()
  })

  it('a registry that does not answer is told on the overview', async (context) => {
    await requireConsul(context)
    const page = await (silenced ?? watchSilence())
    await page.locator('[data-registry=lost]', { hasText: 'does not answer' }).waitFor({ timeout: 2 * IN_THE_END_MS })
    await expectAccessible(page, 'registry lost')
    await page.context().close()
  })

  it('says so while the control plane is away', async () => {
    const plane = await serveChild(testFolder('away'))
    const { page, context } = await openPage(browser, plane.apiUrl)
    await page.locator('[data-live=live]').waitFor()
    await plane.process.stop()
    await page.locator('[data-live=connecting]').waitFor()
    await context.close()
  })
})
