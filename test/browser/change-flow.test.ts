import type { Browser, Page } from 'playwright-core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectAccessible, IN_A_BROWSER, openPage, startBrowser, withoutBrowser } from '../helpers/browser.ts'
import { until } from '../helpers/eventually.ts'
import { applyAll, type MeshBed, REVIEWS, startMeshBed } from './mesh-bed.ts'

const skip = withoutBrowser()
const EDIT = '/rules/VirtualService/default/reviews/edit'

/** An address that no interface of this machine has. */
const REFUSED = `apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata:
  name: refused
spec:
  listeners:
    - name: refused
      address: { socket_address: { address: 203.0.113.7, port_value: 18999 } }
      filter_chains:
        - filters:
            - name: tcp
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: refused
                cluster: BlackHoleCluster
`

/** Run in the page: whether what has the focus is what is looked for, and its name when nothing around it says that it has the focus. */
const FOCUS = `(matches) => {
  const one = document.activeElement
  const bears = [one, one.nextElementSibling, one.closest('.cm-editor'), one.parentElement].filter(Boolean)
  const outlined = (what) => getComputedStyle(what).outlineStyle !== 'none' && what.getClientRects().length > 0
  return { here: one.matches(matches), marked: one === document.body || bears.some(outlined) ? '' : one.outerHTML.slice(0, 200) }
}`

let bed: MeshBed
let browser: Browser
/** Resolves once some requests to reviews are known of; counters are read every few seconds, and other tests need not wait for that. */
let watched: Promise<void>
beforeAll(async () => {
  if (skip) return
  ;[bed, browser] = await Promise.all([startMeshBed(), startBrowser()])
  watched = someFigures()
  // Told by the test that waits for them.
  watched.catch(() => {})
})

beforeEach(async () => {
  if (!skip) await bed.reset()
})

const percentage = (page: Page, subset: string) => page.getByLabel(`Percentage of reviews · ${subset}`)
const shows = (page: Page, subset: string, value: string) =>
  expect.poll(() => percentage(page, subset).inputValue()).toBe(value)
/** What a proxy counted before it was first read belongs to no time: requests go on until some are seen. */
async function someFigures(): Promise<void> {
  const path = '/api/v1/services/reviews.default.svc.cluster.local/figures?window=900'
  const seen = async () => {
    await bed.send('reviews', 10)
    return (await bed.plane.api<{ requests: number }>(path)).requests
  }
  await until(seen, (requests) => requests > 0, { what: 'figures of reviews are known', everyMs: 500 })
}
const toReview = async (page: Page) => {
  await page.keyboard.press('Control+s')
  await page.locator('[data-planned]').waitFor()
}

describe.skipIf(skip)('a change', IN_A_BROWSER, () => {
  it('that Envoy refuses shows its words at the line, and is undone', async () => {
    const { page } = await openPage(browser, `${bed.url}/rules/import`)
    await page.getByLabel('Documents', { exact: true }).fill(REFUSED)
    await page.locator('[data-import="new"]').waitFor()
    await page.getByRole('button', { name: /draft/i }).click()
    await page.locator('[data-planned]').waitFor()
    await page.getByLabel('Reason').fill('a listener nobody can open')
    await page.locator('[data-apply]').click()
    await page
      .getByText(/cannot (bind|assign)|Cannot assign requested address/i)
      .first()
      .waitFor()
    const place = page.getByRole('link', { name: /:\d+/ }).first()
    await place.click()
    await page.locator('.cm-content').getByText('203.0.113.7', { exact: false }).waitFor()
    await page.goBack()
    await page.locator('[data-undo]').click()
    await page.locator('[data-undo-confirm]').click()
    const documents = () => bed.plane.api<{ files: { objects: string[] }[] }>('/api/v1/documents')
    await expect
      .poll(async () => (await documents()).files.flatMap(({ objects }) => objects))
      .not.toContain('EnvoyResource/default/refused')
    await page.context().close()
  })

  it('of text that is no YAML keeps the form as it was, to read, with the reason, and loses nothing', async () => {
    const { page } = await openPage(browser, bed.url + EDIT)
    await shows(page, 'v2', '10 %')
    await page.locator('.cm-line', { hasText: 'hosts: [reviews]' }).click()
    await page.keyboard.press('End')
    await page.keyboard.type(' [')
    await page.locator('[data-broken]').waitFor()
    await expect.poll(() => percentage(page, 'v2').isDisabled()).toBe(true)
    await shows(page, 'v2', '10 %')
    await page.locator('[data-broken]', { hasText: /line \d+/i }).waitFor()
    await page.locator('[data-draft]').waitFor()
    await page.reload()
    await page.locator('[data-broken]').waitFor()
    await page.locator('.cm-content').getByText('hosts: [reviews] [').waitFor()
    const line = page.locator('.cm-line', { hasText: 'hosts: [reviews] [' })
    await line.click()
    await page.keyboard.press('End')
    // The editor may have closed the bracket.
    const typed = (await line.innerText()).length - '  hosts: [reviews]'.length
    for (let i = 0; i < typed; i++) await page.keyboard.press('Backspace')
    await page.locator('[data-broken]').waitFor({ state: 'detached' })
    await page.locator('[data-draft]').waitFor({ state: 'detached' })
    await expect.poll(() => percentage(page, 'v2').isDisabled()).toBe(false)
    await page.context().close()
  })

  it('is followed by what traffic does: requests and times before it and after it, and who calls', async () => {
    await watched
    const { page } = await openPage(browser, bed.url + EDIT)
    await percentage(page, 'v2').fill('20')
    await toReview(page)
    await page.locator('[data-callers="1"]', { hasText: 'shop.default' }).waitFor()
    await applyAll(page, 'watch it')
    await page.locator('[data-figures="1"]').waitFor()
    const shown = async () => {
      await bed.send('reviews', 10)
      return page.locator('[data-figures] tbody tr').innerText()
    }
    await expect.poll(shown, { interval: 1_000 }).toMatch(/\d\/s[\s\S]*0 %[\s\S]*\d ms/)
    await expectAccessible(page)
    // Who called how often is on the topology, too, and what nobody calls can be hidden there.
    await page.goto(`${bed.url}/topology?find=healthy&hide=idle`)
    await page.locator('[data-found=true][data-health=healthy]', { hasText: /reviews\s*\d+(\.\d)?\/s/ }).waitFor()
    expect(await page.locator('[data-health=idle]').count()).toBe(0)
    await page.context().close()
  })

  it('of two people on one rule loses nothing: what both changed is asked, the rest comes together', async () => {
    const [one, two] = await Promise.all([openPage(browser, bed.url + EDIT), openPage(browser, bed.url + EDIT)])
    await percentage(two.page, 'v2').fill('40')
    await two.page.locator('[data-draft]').waitFor()
    await percentage(one.page, 'v2').fill('25')
    await toReview(one.page)
    await applyAll(one.page, 'first')
    await two.page.locator('[data-conflict="clash"]').waitFor()
    await shows(two.page, 'v2', '40 %')
    await expectAccessible(two.page)
    for (const weight of ['60', '40'])
      await two.page.getByRole('radio', { name: new RegExp(`Mine ${weight}$`) }).check()
    await two.page.getByRole('button', { name: 'Take both together' }).click()
    await toReview(two.page)
    await applyAll(two.page, 'second')
    expect(await bed.read('reviews.yaml')).toBe(
      REVIEWS.replace('weight: 90', 'weight: 60').replace('weight: 10', 'weight: 40'),
    )
    await Promise.all([one.context.close(), two.context.close()])
  })

  it('survives a restart of the control plane and of the page in the middle', async () => {
    const { page } = await openPage(browser, bed.url + EDIT)
    await percentage(page, 'v2').waitFor()
    await bed.restart(async () => {
      await percentage(page, 'v2').fill('50')
      await page.locator('[data-draft]').waitFor()
    })
    await page.reload()
    await shows(page, 'v2', '50 %')
    await bed.settled()
    await toReview(page)
    await expect.poll(() => page.locator('[data-impact]').textContent()).toBeTruthy()
    await page.getByLabel('Reason').fill('after the restart')
    await page.locator('[data-apply]').click()
    await expect.poll(() => bed.read('reviews.yaml')).toContain('weight: 50')
    await page.context().close()
  })

  it('applied while its plan is made again is applied if that says the same, and asked about if not', async () => {
    const { page } = await openPage(browser, bed.url + EDIT)
    await percentage(page, 'v2').fill('35')
    await toReview(page)
    await page.getByLabel('Reason').fill('in a hurry')
    // The first answer says that the plan is no longer that of the files; the mesh did not change in fact.
    let refused = 0
    const stale = { code: 'PLAN_STALE', message: 'this is not what was planned' }
    await page.route('**/api/v1/apply', (route) =>
      refused++ === 0 ? route.fulfill({ status: 409, json: stale }) : route.continue(),
    )
    await page.keyboard.press('Control+Enter')
    await page.locator('[data-converged="1"]').waitFor()
    expect(refused).toBe(2)
    expect(await bed.read('reviews.yaml')).toContain('weight: 35')
    await page.goto(bed.url + EDIT)
    await percentage(page, 'v2').fill('45')
    await toReview(page)
    await page.getByLabel('Reason').fill('in a hurry again')
    refused = 0
    await page.route('**/api/v1/plan', async (route) => {
      const response = await route.fetch()
      const plan = (await response.json()) as { meaning: unknown[] }
      await route.fulfill({ response, json: { ...plan, meaning: plan.meaning.slice(1) } })
    })
    await page.keyboard.press('Control+Enter')
    await page.locator('[data-asking]').waitFor()
    expect(refused).toBe(1)
    await expectAccessible(page)
    await page.context().close()
  })

  it('can be made and undone with the keyboard alone, in Chinese, and what has the focus is always marked', async () => {
    const { page, complaints } = await openPage(browser, `${bed.url}/rules`, { language: 'zh' })
    await page.getByText('规则', { exact: true }).first().waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('reviews.yaml')
    const until = async (matches: string) => {
      for (let i = 0; i < 120; i++) {
        await page.keyboard.press('Tab')
        const { here, marked } = await page.evaluate<{ here: boolean; marked: string }>(
          `(${FOCUS})(${JSON.stringify(matches)})`,
        )
        expect(marked).toBe('')
        if (here) return
      }
      throw new Error(`no Tab leads to ${matches}`)
    }
    await until('a[href^="/rules/VirtualService/default/reviews/edit"]')
    await page.keyboard.press('Enter')
    await page.getByLabel('reviews · v2 的百分比').waitFor()
    await until('input[aria-label="reviews · v2 的百分比"]')
    await page.keyboard.press('Control+a')
    await page.keyboard.type('30')
    await page.keyboard.press('Control+s')
    await page.locator('[data-planned]').waitFor()
    await until('textarea')
    await page.keyboard.type('只用键盘')
    // Once: if the plan is being made again at this moment, the page remembers.
    await page.keyboard.press('Control+Enter')
    await page.locator('[data-converged="1"]').waitFor()
    expect(await bed.read('reviews.yaml')).toContain('weight: 30')
    await until('[data-undo]')
    await page.keyboard.press('Enter')
    // Escape closes it and gives the focus back.
    await page.locator('[role=dialog] textarea:focus').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('[data-undo]:focus').waitFor()
    await page.keyboard.press('Enter')
    await page.locator('[role=dialog] textarea:focus').waitFor()
    await until('[data-undo-confirm]')
    await page.keyboard.press('Enter')
    await expect.poll(() => bed.read('reviews.yaml')).toBe(REVIEWS)
    expect(complaints).toEqual([])
    await page.context().close()
  })
})
