import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { expectAccessible, openPage, startBrowser, withoutBrowser } from '../helpers/browser.ts'
import { type MeshBed, REVIEWS, startMeshBed } from './mesh-bed.ts'

const skip = withoutBrowser()
const EDIT = '/rules/VirtualService/default/reviews/edit'

let bed: MeshBed
let browser: Browser
beforeAll(async () => {
  if (skip) return
  ;[bed, browser] = await Promise.all([startMeshBed(), startBrowser()])
})

/** Applies what is in the basket, and waits until every proxy has it. */
async function applyAll(page: Page, reason: string, confirm?: string): Promise<void> {
  await page.locator('[data-planned]').waitFor()
  await page.getByLabel('Reason').fill(reason)
  if (confirm !== undefined) await page.locator('[data-confirm]').fill(confirm)
  await page.locator('[data-apply]').click()
  await page.locator('[data-converged="1"]').waitFor()
}

describe.skipIf(skip)('a rule as a form', () => {
  it('shifts reviews from 10 to 25 %: exactly two lines change, and the traffic through Envoy follows', async () => {
    await bed.settled()
    const before = await bed.send('reviews', 200)
    expect(before['v2']).toBeLessThan(45)
    const { page, complaints } = await openPage(browser, bed.url + EDIT)
    const share = page.getByLabel('Percentage of reviews · v2')
    await share.fill('25')
    expect(await page.getByLabel('Percentage of reviews · v1').inputValue()).toBe('75 %')
    await page.locator('.cm-content').getByText('weight: 25').waitFor()
    await page.keyboard.press('Control+s')
    await page.getByText('10 % → 25 %').waitFor()
    await page.locator('[data-impact]', { hasText: '1 proxy: 1 sidecars' }).waitFor()
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
})
