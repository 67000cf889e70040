import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { findChromium, launchChromium } from './chromium.ts'
import { tellOnFailure } from './failure-account.ts'
import { stopAfterTests } from './processes.ts'

/** Whether browser tests are left out, loudly: there is no Chromium. In CI that is a failure. */
export function withoutBrowser(): boolean {
  if (findChromium()) return false
  const text = 'browser tests need Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM_BIN'
  if (process.env['CI']) throw new Error(text)
  console.warn(`\n  !! SKIPPED: ${text}\n`)
  return true
}

/** One headless browser for a test file; it ends with it. */
export async function startBrowser(): Promise<Browser> {
  const browser = await launchChromium()
  stopAfterTests(() => browser.close())
  return browser
}

export interface OpenOptions extends BrowserContextOptions {
  readonly language?: 'en' | 'zh'
}

/** A page of a user of its own; it ends with its test, also when that fails. What the browser complains about is in `complaints`. */
export interface OpenPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors of scripts, of the console and violations of the content security policy. */
  readonly complaints: readonly string[]
}

export async function openPage(browser: Browser, url: string, options: OpenOptions = {}): Promise<OpenPage> {
  const { language = 'en', ...rest } = options
  const context = await browser.newContext({
    baseURL: new URL(url).origin,
    viewport: { width: 1360, height: 860 },
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    timezoneId: 'Asia/Shanghai',
    ...rest,
  })
  onTestFinished(() => context.close())
  context.setDefaultTimeout(30_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`)
  })
  const forget = tellOnFailure('page', () => account(page, complaints))
  onTestFinished(forget)
  await page.goto(url)
  return { page, context, complaints }
}

/** Where a page is, what it shows and what the browser complained about. Nothing of one that was closed. */
async function account(page: Page, complaints: readonly string[]): Promise<string> {
  if (page.isClosed()) return ''
  const shown = await page
    .locator('main')
    .or(page.locator('body'))
    .last()
    .innerText({ timeout: 2_000 })
    .catch((error: Error) => `(cannot be read: ${error.message})`)
  const said = complaints.length === 0 ? 'the browser complained about nothing' : complaints.slice(-10).join('\n')
  return `${page.url()}\n${said}\nit shows:\n${shown.replace(/\n\s*\n+/g, '\n').slice(0, 3_000)}`
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly help: string
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
  }[]
}

/**
 * Nothing fades in or out any more: meanwhile colours are not what they will be. What turns for ever does not count. What was just put into
 * the page begins to fade in some frames later.
 */
const AT_REST = `(async () => {
  for (let frame = 0; frame < 4; frame++) await new Promise((resolve) => requestAnimationFrame(resolve))
  return document.getAnimations().every(
    (one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity)
})()`

/** Fails on serious or critical findings of axe-core (WCAG 2.1 A and AA) on the page as it is. */
export async function expectAccessible(page: Page, what = page.url()): Promise<void> {
  await expect.poll(() => page.evaluate(AT_REST), { message: `${what}: at rest` }).toBe(true)
  // Evaluated, not added as a script: the policy of the page allows no foreign scripts.
  const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
  await page.evaluate(await readFile(axe, 'utf8'))
  const { violations } = await page.evaluate(
    () =>
      (globalThis as unknown as { axe: { run(options: object): Promise<AxeResult> } }).axe.run({
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'],
        resultTypes: ['violations'],
      }) as Promise<AxeResult>,
  )
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary ?? ''}`),
    }))
  expect(serious, what).toEqual([])
}
