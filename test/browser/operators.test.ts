import type { Browser } from 'playwright-core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectAccessible, IN_A_BROWSER, openPage, startBrowser, withoutBrowser } from '../helpers/browser.ts'
import { type MeshBed, REVIEWS, startMeshBed } from './mesh-bed.ts'

const skip = withoutBrowser()
const EDIT = '/rules/VirtualService/default/reviews/edit'
const CART = '/rules/DestinationRule/default/cart/edit'

/** As programs write it. */
const AS_JSON = `{
  "apiVersion": "networking.istio.io/v1",
  "kind": "DestinationRule",
  "metadata": {
    "name": "cart"
  },
  "spec": {
    "host": "cart"
  }
}
`

const QUILL = `apiVersion: meshgate.io/v1
kind: Protocol
metadata: { name: quill }
spec:
  frame:
    length: { at: 0, type: u32, counts: all }
  message:
    kind: { at: 4, type: u8, is: { 1: request, 2: response } }
    id: { at: 5, type: u32 }
  fields:
    player: { after: id, type: str(u8) }
    room: { after: player, type: str(u8) }
`
const ROUTE = `apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: { name: quill }
spec:
  svrName: reviews
  match:
    - player: ann
`

let bed: MeshBed
let browser: Browser
beforeAll(async () => {
  if (skip) return
  ;[bed, browser] = await Promise.all([startMeshBed({ 'reviews.yaml': REVIEWS, 'cart.json': AS_JSON }), startBrowser()])
})

beforeEach(async () => {
  if (!skip) await bed.reset()
})

describe.skipIf(skip)('an operator', IN_A_BROWSER, () => {
  it('whose network is lost is told so, in place of a plan, and has the plan when it is back', async () => {
    const { page, context } = await openPage(browser, bed.url + EDIT)
    const share = page.getByLabel('Percentage of reviews · v2')
    await share.waitFor()
    await page.getByText('Nothing to complain about').waitFor()
    await context.setOffline(true)
    await share.fill('35')
    await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor()
    expect(await page.getByText('Nothing to complain about').count()).toBe(0)
    await expectAccessible(page)
    // What is typed meanwhile is kept.
    await share.fill('45')
    await context.setOffline(false)
    await page.getByRole('alert').filter({ hasText: 'does not answer' }).waitFor({ state: 'detached' })
    await page.getByText('Nothing to complain about').waitFor()
    await page.keyboard.press('Control+s')
    await page.getByText('10 % → 45 %').waitFor()
  })

  it('who makes a rule for a service that has one is warned, and led to that', async () => {
    const { page } = await openPage(
      browser,
      `${bed.url}/rules/new?template=split&host=reviews.default.svc.cluster.local`,
    )
    const warning = page.locator('[data-other]', { hasText: 'VirtualService/default/reviews' })
    await warning.waitFor()
    await expectAccessible(page)
    // A second rule of another kind is no second one.
    await page.getByRole('radio', { name: 'Message route' }).click()
    await warning.waitFor({ state: 'detached' })
    await page.getByRole('radio', { name: 'Fault injection' }).click()
    await warning.getByRole('link').click()
    await page.waitForURL(`**${EDIT}**`)
  })

  it('begins a private protocol with a form beside its bytes', async () => {
    const { page, complaints } = await openPage(browser, `${bed.url}/rules/new?template=protocol`)
    await page.getByText('It needs a name.').waitFor()
    await page.getByLabel('Name', { exact: true }).fill('quill')
    await page.getByRole('button', { name: 'Write it as a draft' }).click()
    await page.getByLabel('Bytes of your traffic, as hex').fill('0000000d 01 00000007 000003e9')
    await expect.poll(() => page.locator('[data-field=msgid]').innerText()).toMatch(/9–13\s+msgid\s+000003e9\s+1001/)
    await page.getByText('Nothing to complain about').waitFor()
    // The file is not there yet.
    expect(complaints.filter((one) => !one.includes('/documents/protocol-quill.yaml'))).toEqual([])
  })

  it('who gives a field of a protocol another name is told which routes of other files that breaks', async () => {
    await bed.write('quill.yaml', QUILL)
    await bed.write('route.yaml', ROUTE)
    await expect
      .poll(async () => JSON.stringify(await bed.plane.api('/api/v1/documents')))
      .toMatch(/quill\.yaml[\s\S]*route\.yaml/)
    const { page, complaints } = await openPage(browser, `${bed.url}/rules/Protocol/default/quill/edit?view=form`)
    await page.locator('[data-card=player] button[aria-expanded]').first().click()
    await page.locator('[data-card=player]').getByLabel('Name', { exact: true }).fill('gamer')
    expect(await page.locator('[data-elsewhere]').count()).toBe(0)
    await page.keyboard.press('Enter')
    await page.locator('[data-elsewhere="1"]', { hasText: 'route.yaml:7' }).waitFor()
    // What stands behind it in the document follows by itself.
    await expect.poll(() => page.locator('[data-card=room]').innerText()).toContain('gamer')
    await page.locator('[data-card=gamer]').waitFor()
    await expectAccessible(page)
    expect(complaints).toEqual([])
  })

  it('who edits a file of JSON as a form leaves JSON behind', async () => {
    const { page } = await openPage(browser, `${bed.url}${CART}?view=form`)
    await page.getByRole('switch', { name: 'Load balancing' }).press('Space')
    await page.getByText('Same key, same endpoint').click()
    await page.keyboard.press('Control+s')
    await page.locator('[data-planned]').waitFor()
    await page.getByLabel('Reason').fill('the same cart')
    await page.locator('[data-apply]').click()
    await expect.poll(() => bed.read('cart.json')).toContain('consistentHash')
    const text = await bed.read('cart.json')
    expect(JSON.stringify(JSON.parse(text), null, 2)).toBe(text.trimEnd())
  })

  it('who breaks one item of a List goes on with the others, and sees which one it is', async () => {
    const items = REVIEWS.split('---\n').map(
      (one) =>
        `- ${one
          .replace(/^#.*\n/, '')
          .trimEnd()
          .replaceAll('\n', '\n  ')}\n`,
    )
    await bed.write('reviews.yaml', `apiVersion: v1\nkind: List\nitems:\n${items.join('')}`)
    await bed.settled()
    const { page } = await openPage(browser, bed.url + EDIT)
    const share = page.getByLabel('Percentage of reviews · v2')
    const line = page.locator('.cm-line', { hasText: 'host: reviews' }).last()
    await expect.poll(() => page.getByRole('combobox', { name: 'Document of the file' }).inputValue()).toMatch(/^1 · /)
    await line.click()
    await page.keyboard.press('End')
    await page.keyboard.type(': no')
    await page.locator('[data-broken]', { hasText: /line \d+/i }).waitFor()
    // The one that is broken is shown as it was; the other takes a change.
    const choose = page.getByRole('combobox', { name: 'Document of the file' })
    await expect.poll(() => choose.inputValue()).toMatch(/^2 · /)
    await choose.click()
    await page.getByRole('option', { name: /^1 · VirtualService reviews/ }).click()
    await page.locator('[data-broken]').waitFor({ state: 'detached' })
    await share.fill('25')
    await page.locator('.cm-content').getByText('weight: 25').waitFor()
    // The control plane takes nothing of the file as it is, and says so.
    await page.locator('[data-pane=yaml] .cm-lintRange-error, [data-pane=yaml] .cm-lint-marker-error').first().waitFor()
    await expectAccessible(page)
  })
})

it.skipIf(skip)(
  'is shown what is in reach on a phone: the editor has nothing beside the page',
  IN_A_BROWSER,
  async () => {
    for (const [language, colorScheme] of [
      ['en', 'dark'],
      ['zh', 'light'],
    ] as const) {
      const { page, complaints } = await openPage(browser, bed.url, {
        language,
        colorScheme,
        viewport: { width: 360, height: 740 },
      })
      await page.goto(`${bed.url}${EDIT}?view=form`)
      const step = page.locator('[data-share] button', { hasText: '→ 25 %' })
      await step.waitFor()
      // The step a button makes is read as a whole, and stays within its row.
      const button = `[...document.querySelectorAll('[data-share] button')].find((one) => one.textContent.includes('→ 25 %'))`
      const hidden = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(${button}.querySelector('.mantine-Button-label'))`
      await expect.poll(() => page.evaluate<number>(hidden)).toBeLessThanOrEqual(0)
      const inside = `[...document.querySelectorAll('[data-share]')].every((row) => [...row.querySelectorAll('button')]
      .every((one) => one.getBoundingClientRect().right <= row.getBoundingClientRect().right + 1))`
      await expect.poll(() => page.evaluate(inside)).toBe(true)
      for (const path of [EDIT, `${EDIT}?view=form`, '/rules', '/rules/new?template=protocol', '/changes/new']) {
        await page.goto(bed.url + path)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await expectAccessible(page, path)
        await expect
          .poll(() => page.evaluate<number>('document.documentElement.scrollWidth'), { message: path })
          .toBeLessThanOrEqual(360)
      }
      expect(complaints).toEqual([])
    }
  },
)
