import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, IN_A_BROWSER, openPage, startBrowser, withoutBrowser } from '../helpers/browser.ts'
import { builtUi } from '../helpers/built-ui.ts'
import { testFolder } from '../helpers/folders.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'
import { type Fleet, startFleet } from '../helpers/stream-fleet.ts'

const PROXIES = 5_000
const SERVICES = 500
/** A screen of them, and some above and below. */
const ROWS_IN_PAGE = 60

/** Run in the page: counts rows that are put into it from now on. */
const COUNT_ROWS = `
  var rowsAdded = 0
  new MutationObserver((records) => {
    for (const { addedNodes } of records)
      for (const node of addedNodes) if (node.role === 'row') rowsAdded++
  }).observe(document.querySelector('main'), { childList: true, subtree: true })`

const nodeId = (i: number) => `sidecar~10.1.${i >> 8}.${i & 255}~w${i}.ns${i % 20}~ns${i % 20}.svc.cluster.local`
const hostOf = (i: number) => `s${i}.ns${i % 20}.svc.cluster.local`
const documents = (i: number) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: s${i}, namespace: ns${i % 20}}
spec:
  hosts: [${hostOf(i)}]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.2}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: s${i}, namespace: ns${i % 20}}
spec:
  hosts: [${hostOf(i)}]
  http: [{route: [{destination: {host: ${hostOf(i)}}, weight: 90}, {destination: {host: ${hostOf((i + 1) % SERVICES)}}, weight: 10}]}]
`

describe.skipIf(withoutBrowser())('a mesh of 1,000 rules and 5,000 proxies', IN_A_BROWSER, () => {
  let browser: Browser
  let mesh: ServeChild
  let fleet: Fleet

  beforeAll(async () => {
    await builtUi()
    const folder = testFolder('big')
    writeFileSync(join(folder, 'many.yaml'), Array.from({ length: SERVICES }, (_, i) => documents(i)).join('---\n'))
    mesh = await serveChild(folder)
    const nodes = Array.from({ length: PROXIES }, (_, i) => nodeId(i))
    ;[browser, fleet] = await Promise.all([
      startBrowser(),
      startFleet(mesh.xdsPort, nodes, `outbound|80||${hostOf(1)}`),
    ])
    stopAfterTests(async () => fleet.close())
  })

  /** What typing costs: requests to the API, and elements that were put into the page. */
  async function whileTyping(page: Page, text: string, until: string) {
    const asked: string[] = []
    const note = (request: { url(): string }) => asked.push(new URL(request.url()).pathname)
    page.on('request', note)
    await page.evaluate(COUNT_ROWS)
    await page.keyboard.type(text)
    await page.getByText(until, { exact: true }).waitFor()
    page.off('request', note)
    const added = await page.evaluate<number>('rowsAdded')
    return { asked: asked.filter((path) => path === '/api/v1/proxies' || path === '/api/v1/rules'), added }
  }

  it('proxies: only rows in sight are in the page, a search asks the server nothing and renders no row twice', async () => {
    const { page, complaints } = await openPage(browser, `${mesh.apiUrl}/proxies`)
    await page.getByText(`${PROXIES} of ${PROXIES} proxies`).waitFor()
    expect(await page.getByRole('table', { name: 'Proxies' }).getAttribute('aria-rowcount')).toBe(String(PROXIES + 1))
    expect(await page.getByRole('row').count()).toBeLessThan(ROWS_IN_PAGE)
    await page.evaluate('document.querySelector("[role=table]").scrollTo(0, 1e9)')
    await page.locator(`[aria-rowindex="${PROXIES + 1}"]`).waitFor()
    expect(await page.getByRole('row').count()).toBeLessThan(ROWS_IN_PAGE)
    await page.getByRole('searchbox').focus()
    await whileTyping(page, 'w4321.', `1 of ${PROXIES} proxies`)
    // The one row that is left stays the element it is. What an event of the mesh asks for meanwhile is not asked for again the next time.
    await expect
      .poll(async () => {
        await page.getByRole('searchbox').fill('w4321.')
        await page.getByText(`1 of ${PROXIES} proxies`).waitFor()
        return whileTyping(page, 'ns1', `1 of ${PROXIES} proxies`)
      })
      .toEqual({ asked: [], added: 0 })
    await page.getByRole('link', { name: nodeId(4321) }).click()
    await page.waitForURL('**/proxies/*w4321*')
    await page.getByRole('tab').first().waitFor()
    expect(complaints).toEqual([])
  })

  it('rules: the same', async () => {
    const { page } = await openPage(browser, `${mesh.apiUrl}/rules`)
    const all = 2 * SERVICES
    await page.getByText(`${all} of ${all}`).waitFor()
    expect(await page.getByRole('row').count()).toBeLessThan(ROWS_IN_PAGE)
    await page.getByRole('searchbox').focus()
    await whileTyping(page, 's321.ns', `2 of ${all}`)
    await expect
      .poll(async () => {
        await page.getByRole('searchbox').fill('s321.ns')
        await page.getByText(`2 of ${all}`, { exact: true }).waitFor()
        return whileTyping(page, '1', `2 of ${all}`)
      })
      .toEqual({ asked: [], added: 0 })
    await page.getByLabel('Search name, host, file').fill(hostOf(77))
    // It is a destination of the one before it, too, but no host of that.
    await expect.poll(() => page.getByRole('row').count()).toBe(3)
    await expectAccessible(page)
    await page.getByRole('link', { name: 's77', exact: true }).first().click()
    await page.locator('.cm-content').getByText(hostOf(77)).first().waitFor()
    await page.context().close()
  })

  it('topology: namespaces in place of what nobody could read', async () => {
    const { page } = await openPage(browser, `${mesh.apiUrl}/topology`)
    await page
      .getByText('500 services', { exact: false })
      .or(page.getByText('ns7', { exact: true }))
      .first()
      .waitFor()
    expect(await page.locator('.react-flow__node').count()).toBeLessThanOrEqual(20)
  })

  it('topology: a call that is looked at says what is known of it, and that nobody tells of its requests', async () => {
    const call = encodeURIComponent(`${hostOf(21)} ${hostOf(22)}`)
    const { page, complaints } = await openPage(browser, `${mesh.apiUrl}/topology?q=s21.ns&call=${call}`)
    const panel = page.getByRole('complementary', { name: 'Call' })
    await panel.getByRole('link', { name: hostOf(22) }).waitFor()
    await panel.getByRole('link', { name: 'VirtualService/ns1/s21' }).waitFor()
    expect(await panel.innerText()).toMatch(/p99\s+unknown/)
    await expectAccessible(page)
    await panel.getByRole('button', { name: 'Close the call' }).click()
    await panel.waitFor({ state: 'detached' })
    await expect.poll(() => new URL(page.url()).searchParams.get('call')).toBe(null)
    expect(complaints).toEqual([])
  })

  it('the overview follows proxies that leave, with one question a second at most', async () => {
    const { page } = await openPage(browser, mesh.apiUrl)
    await page.getByRole('link', { name: new RegExp(`Proxies connected\\s*${PROXIES}`) }).waitFor()
    await page.locator('[data-live=live]').waitFor()
    let asked = 0
    page.on('request', (request) => {
      if (new URL(request.url()).pathname === '/api/v1/proxies') asked++
    })
    const began = performance.now()
    fleet.leave(1_000)
    await page.getByRole('link', { name: new RegExp(`Proxies connected\\s*${PROXIES - 1_000}`) }).waitFor()
    // Each on its way when a second begins, and the last for what came behind it.
    expect(asked).toBeLessThanOrEqual(3 + (performance.now() - began) / 1_000)
  })
})
