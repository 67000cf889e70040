import autocannon from 'autocannon'
import type { Browser } from 'playwright-core'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectAccessible, IN_A_BROWSER, openPage, startBrowser, withoutBrowser } from '../helpers/browser.ts'
import type { Upstream } from '../helpers/echo.ts'
import { eventually } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { applyAll, type MeshBed, REVIEWS, startMeshBed } from './mesh-bed.ts'

const skip = withoutBrowser()
const EDIT = '/rules/VirtualService/default/reviews/edit'

const baskets = (upstreams: readonly Upstream[]) => `${serviceAt('baskets', upstreams)}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: baskets }
spec:
  host: baskets
  trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 100 } } }
`

const QUILL = `# A small protocol.
apiVersion: meshgate.io/v1
kind: Protocol
metadata: { name: quill }
spec:
  frame:
    length: { at: 0, type: u32, counts: all } # itself included
  message:
    kind: { at: 4, type: u8, is: { 1: request, 2: response } }
    id: { at: 5, type: u32 }
  fields: {}
`

let bed: MeshBed
let browser: Browser
beforeAll(async () => {
  if (skip) return
  ;[bed, browser] = await Promise.all([startMeshBed(), startBrowser()])
})

beforeEach(async () => {
  if (skip) return
  for (const upstream of bed.upstreams) upstream.behave({})
  await bed.reset()
  await bed.settled()
})

describe.skipIf(skip)('a rule as a form', IN_A_BROWSER, () => {
  it('shifts reviews from 10 to 25 %: exactly two lines change, and the traffic through Envoy follows', async () => {
    await expect.poll(async () => (await bed.send('reviews', 200))['v2']).toBeLessThan(45)
    const { page, complaints } = await openPage(browser, bed.url + EDIT)
    const share = page.getByLabel('Percentage of reviews · v2')
    await share.fill('25')
    await expect.poll(() => page.getByLabel('Percentage of reviews · v1').inputValue()).toBe('75 %')
    await page.locator('.cm-content').getByText('weight: 25').waitFor()
    await page.keyboard.press('Control+s')
    await page.getByText('10 % → 25 %').waitFor()
    await page.locator('[data-impact]', { hasText: '1 proxy (sidecars: 1' }).waitFor()
    await expectAccessible(page)
    await applyAll(page, 'canary')
    expect(await bed.read('reviews.yaml')).toBe(
      REVIEWS.replace('weight: 90', 'weight: 75').replace('weight: 10', 'weight: 25'),
    )
    const after = await bed.send('reviews', 400)
    expect(after['v2']).toBeGreaterThan(60)
    expect(after['v2']).toBeLessThan(140)
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('of an item of a List changes that item alone, in the form and in the text, and is undone to the byte', async () => {
    const items = REVIEWS.split('---\n').map(
      (one) =>
        `- ${one
          .replace(/^#.*\n/, '')
          .trimEnd()
          .replaceAll('\n', '\n  ')}\n`,
    )
    const list = (text: readonly string[]) =>
      `apiVersion: v1\nitems:\n# as it was exported\n${text.join('')}kind: List\nmetadata:\n  resourceVersion: ""\n`
    const before = list(items.toReversed())
    await bed.write('reviews.yaml', before)
    await bed.settled()
    const { page, complaints } = await openPage(browser, bed.url + EDIT)
    await expect
      .poll(() => page.getByRole('combobox', { name: 'Document of the file' }).inputValue())
      .toBe('2 · VirtualService reviews')
    await page.getByLabel('Percentage of reviews · v2').fill('25')
    await page.locator('.cm-content').getByText('weight: 25').waitFor()
    await page.keyboard.press('Control+s')
    await page.getByText('10 % → 25 %').waitFor()
    await applyAll(page, 'canary of a List')
    expect(await bed.read('reviews.yaml')).toBe(
      before.replace('weight: 90', 'weight: 75').replace('weight: 10', 'weight: 25'),
    )
    await page.locator('[data-undo]').click()
    await page.locator('[data-undo-confirm]').click()
    await expect.poll(() => bed.read('reviews.yaml')).toBe(before)
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('injects a fault for some requests only, which ends by itself', async () => {
    const { page } = await openPage(browser, `${bed.url}${EDIT}?view=form`)
    await page.getByRole('switch', { name: 'Fault injection' }).press('Space')
    await page.getByLabel('its value').fill('broken')
    await page.getByRole('button', { name: 'Add the fault' }).click()
    await page.locator('[data-rule="0"]', { hasText: 'x-test = broken' }).waitFor()
    // Open already, unless the cursor of the text stands in another rule.
    const fold = page.locator('[data-rule="0"] button[aria-expanded]').first()
    await eventually(async () => {
      if ((await fold.getAttribute('aria-expanded')) === 'false') await fold.click()
      await page.getByRole('button', { name: '5 min' }).first().click({ timeout: 5_000 })
    })
    await page.keyboard.press('Control+s')
    await applyAll(page, 'what if reviews fail')
    const text = await bed.read('reviews.yaml')
    expect(text).toContain('httpStatus: 503')
    await expect.poll(() => bed.send('reviews', 5, { 'x-test': 'broken' })).toEqual({ 503: 5 })
    expect(Object.keys(await bed.send('reviews', 10))).not.toContain('503')
    // Its end is brought forward in the file, which is as good as waiting for it.
    const ends = /\d{4}-\d\d-\d\dT[\d:.]+Z/
    expect(text).toMatch(ends)
    await bed.write('reviews.yaml', text.replace(ends, new Date(Date.now() + 2_000).toISOString()))
    await expect.poll(() => bed.read('reviews.yaml'), { interval: 500 }).not.toContain('fault:')
    await expect.poll(async () => (await bed.send('reviews', 3, { 'x-test': 'broken' }))['503'] ?? 0).toBe(0)
    await page.context().close()
  })

  it('sets a circuit breaker from a template, and requests beyond its limits get 503 UO', async () => {
    // Envoy asks for a cluster when a request needs it.
    await bed.send('cart', 1)
    const { page } = await openPage(
      browser,
      `${bed.url}/rules/new?template=breaker&host=cart.default.svc.cluster.local`,
    )
    const write = page.getByRole('button', { name: 'Write it as a draft' })
    await write.click()
    // Nothing is left of one that is discarded.
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.waitForURL('**/rules')
    expect(await page.evaluate('Object.keys(localStorage).filter((key) => key.startsWith("meshgate.draft"))')).toEqual(
      [],
    )
    await page.goBack()
    await page.goBack()
    await write.click()
    await page.getByLabel('Max connections', { exact: true }).fill('1')
    await page.getByLabel('Max pending requests', { exact: true }).fill('1')
    await page.locator('.cm-content').getByText('http1MaxPendingRequests: 1', { exact: false }).waitFor()
    await page.keyboard.press('Control+s')
    await applyAll(page, 'protect cart')
    for (const upstream of bed.upstreams) upstream.behave({ delayMs: 100 })
    const result = await autocannon({
      url: bed.httpUrl,
      headers: { host: 'cart.default.svc.cluster.local' },
      connections: 30,
      duration: 2,
    })
    for (const upstream of bed.upstreams) upstream.behave({})
    expect(result.non2xx).toBeGreaterThan(0)
    const overflow = () => bed.envoy.stats('cart.*upstream_rq_pending_overflow')
    await expect.poll(async () => Object.values(await overflow()).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(0)
    await page.context().close()
  })

  it('writes a private protocol beside bytes of its traffic: each field shows where it stands, before anything is applied', async () => {
    await bed.write('quill.yaml', QUILL)
    await expect
      .poll(async () =>
        (await bed.plane.api<{ files: { file: string }[] }>('/api/v1/documents')).files.map(({ file }) => file),
      )
      .toContain('quill.yaml')
    const { page, complaints } = await openPage(browser, `${bed.url}/rules/Protocol/default/quill/edit`)
    await page.getByLabel('Bytes of your traffic, as hex').fill('0000000d 01 00000007 03 616e6e')
    const row = (field: string) => page.locator(`[data-field="${field}"]`)
    await expect.poll(() => row('id').innerText()).toMatch(/5–9\s+id\s+00000007\s+7/)
    await expect.poll(() => row('?').innerText()).toContain('4 bytes that no field has')
    // A field, by the form alone: behind the last one, of a type that is chosen.
    await page.getByRole('textbox', { name: 'spec.fields: new name' }).fill('player')
    await page.keyboard.press('Enter')
    const card = page.locator('[data-card=player]')
    await card.getByRole('combobox', { name: 'After' }).fill('id')
    await card.getByRole('combobox', { name: 'Type' }).fill('str(u8)')
    await expect.poll(() => row('player').innerText()).toMatch(/10–13\s+player\s+616e6e\s+ann/)
    expect(await row('player (length)').innerText()).toMatch(/9–10\s+player \(length\)\s+03\s+3/)
    expect(await row('?').count()).toBe(0)
    await expectAccessible(page)
    await page.keyboard.press('Control+s')
    // No proxy of this mesh speaks it: there is nobody to follow.
    await page.getByLabel('Reason').fill('a field for routes')
    await page.locator('[data-apply]').click()
    await expect
      .poll(() => bed.read('quill.yaml'))
      .toBe(QUILL.replace('  fields: {}\n', '  fields:\n    player:\n      after: id\n      type: str(u8)\n'))
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('sets Maglev, and a user stays with one endpoint', async () => {
    // A host of its own: the test needs none of those before it, and no second rule speaks of its host.
    await bed.write('baskets.yaml', baskets(bed.upstreams))
    await expect.poll(() => bed.send('baskets', 1)).not.toHaveProperty('404')
    const { page } = await openPage(browser, `${bed.url}/rules/DestinationRule/default/baskets/edit?view=form`)
    await page.getByRole('switch', { name: 'Load balancing' }).press('Space')
    await page.getByText('Same key, same endpoint').click()
    await page.getByRole('button', { name: '1021' }).click()
    await page.keyboard.press('Control+s')
    await applyAll(page, 'baskets stay where they are')
    expect(await bed.read('baskets.yaml')).toContain('tableSize: 1021')
    // A cluster is accepted before it is warm, and until then the one before it chooses.
    await expect.poll(async () => Object.keys(await bed.send('baskets', 20, { 'x-user': 'first' }))).toHaveLength(1)
    const users = Array.from({ length: 12 }, (_, i) => `user-${i}`)
    const homes = new Set<string>()
    for (const user of users) {
      const hit = Object.keys(await bed.send('baskets', 6, { 'x-user': user }))
      expect(hit, user).toHaveLength(1)
      homes.add(hit[0]!)
    }
    expect(homes.size).toBeGreaterThan(1)
    await page.context().close()
  })
})
