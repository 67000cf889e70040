import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { IN_A_BROWSER, openPage, settled, startBrowser, withoutBrowser } from '../helpers/browser.ts'
import { builtUi } from '../helpers/built-ui.ts'
import { testFolder } from '../helpers/folders.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

/** Transferred for a first view, compressed with gzip, in bytes; the editor comes when a rule is opened. */
const BUDGET = 350_000

/** Over HTTP/1.1 a browser has six connections: many small files are slower than their bytes. */
const FILES = 45

const EDITOR = /rule-editor/

describe.skipIf(withoutBrowser())('what a first view loads', IN_A_BROWSER, () => {
  let browser: Browser
  let mesh: ServeChild

  beforeAll(async () => {
    await builtUi()
    const folder = testFolder('first')
    writeFileSync(
      join(folder, 'rule.yaml'),
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [a], http: [{route: [{destination: {host: a}}]}]}\n',
    )
    mesh = await serveChild(folder)
    browser = await startBrowser()
  })

  /** Addresses of all files a page asks for until it shows `what`, the API aside. */
  async function filesOf(path: string, what = 'h1'): Promise<readonly string[]> {
    const { page, context } = await openPage(browser, 'about:blank', { baseURL: mesh.apiUrl })
    const asked = new Set<string>()
    page.on('request', (one) => {
      const { pathname } = new URL(one.url())
      if (!pathname.startsWith('/api/')) asked.add(pathname)
    })
    await page.goto(mesh.apiUrl + path)
    await page.locator('[data-live=live]').waitFor()
    await page.locator(what).first().waitFor()
    await settled(page)
    await context.close()
    return [...asked]
  }

  const sizeOf = (path: string) =>
    new Promise<{ bytes: number; encoding: string | undefined }>((resolve, reject) => {
      const headers = { accept: 'text/html,*/*', 'accept-encoding': 'gzip' }
      request(mesh.apiUrl + path, { headers }, (answer) => {
        let bytes = 0
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        answer.on('end', () => resolve({ bytes, encoding: answer.headers['content-encoding'] }))
      })
        .on('error', reject)
        .end()
    })

  it.each(['/', '/services', '/changes'])(
    '%s: fewer bytes than the budget, compressed beforehand, in few files, and no editor',
    async (path) => {
      const files = await filesOf(path)
      expect(files.filter((file) => EDITOR.test(file))).toEqual([])
      expect(files.length).toBeLessThan(FILES)
      const sizes = await Promise.all(files.map(sizeOf))
      // The page itself names the others, is read once and stands in memory.
      expect(sizes.filter(({ bytes, encoding }) => bytes >= 2_048 && encoding !== 'gzip')).toEqual([])
      const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
      expect(total, `${files.length} files`).toBeLessThan(BUDGET)
    },
  )

  it('the editor comes with the first rule that is opened', async () => {
    const files = await filesOf('/rules/VirtualService/default/a/edit?view=split', '.cm-content')
    expect(files.some((file) => EDITOR.test(file))).toBe(true)
  })
})
