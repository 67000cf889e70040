import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { findChromium, launchChromium } from './chromium.ts'
import { IN_THE_END_MS } from './eventually.ts'
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

/**
 * Options of every `describe` in test/browser. What such a test waits for is shown by a browser that shares the machine with all others:
 * its limit is that of a starved one, and it alone may be tried again, from a beginning it makes itself (docs/decisions/second-try.md).
 */
export const IN_A_BROWSER = { timeout: 8 * IN_THE_END_MS, retry: 1 } as const

/**
 * Resolves when the page says that it reads nothing for the first time any more, and holds no place for what is to come: for a page of which
 * nothing particular is waited for.
 */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor()
  await expect.poll(() => page.evaluate(STAYS_SETTLED), { message: `${page.url()}: settled` }).toBe(true)
}

/** What a page shows makes it ask for more, some frames later. */
const STAYS_SETTLED = `(async () => {
  const busy = 'main[aria-busy=true], main .mantine-Skeleton-root, main .mantine-Loader-root'
  for (let frame = 0; frame < 10; frame++) {
    if (!document.querySelector('main h1') || document.querySelector(busy)) return false
    await new Promise((resolve) => requestAnimationFrame(resolve))
  }
  return true
})()`

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
  context.setDefaultTimeout(IN_THE_END_MS)
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

let source: Promise<string> | undefined
function axeSource(): Promise<string> {
  source ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  return source
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
  // Evaluated, not added as a script: the policy of the page allows no foreign scripts. It stays for as long as the page is not loaded anew.
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(await axeSource())
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
