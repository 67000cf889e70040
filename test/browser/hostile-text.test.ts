import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { IN_A_BROWSER, openPage, settled, startBrowser, withoutBrowser } from '../helpers/browser.ts'
import { builtUi } from '../helpers/built-ui.ts'
import { testFolder } from '../helpers/folders.ts'
import { serveChild } from '../helpers/serve.ts'

const EVIL = `<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>`
const q = JSON.stringify(EVIL)

/** The same text as name, host, label, value and comment, where it is valid and where it is refused. */
const RULES = `# ${EVIL}
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, annotations: {note: ${q}}}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.2, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - name: ${q}
      match: [{headers: {x-test: {exact: ${q}}}}]
      fault: {abort: {httpStatus: 503, percentage: {value: 100}}}
      route: [{destination: {host: reviews}, headers: {response: {set: {x-evil: ${q}}}}}]
    - route: [{destination: {host: reviews}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${q}}
spec: {host: ${q}, subsets: [{name: ${q}}], ${q}: 1}
---
apiVersion: networking.istio.io/v1
kind: ${q}
metadata: {name: a}
`

/** Pages, and whether the text is something they show, which they do in the end. */
const PAGES: readonly (readonly [path: string, shows: boolean])[] = [
  ['/', true],
  ['/services/default/reviews.default.svc.cluster.local', true],
  ['/services/default/reviews.default.svc.cluster.local?tab=effective', true],
  ['/rules', true],
  ['/rules/VirtualService/default/reviews/edit?view=split', true],
  ['/changes/1', true],
  ['/topology?as=table', false],
  [`/rules?q=${encodeURIComponent(EVIL)}`, true],
  [`/proxies/${encodeURIComponent(EVIL)}`, true],
  [`/services/default/${encodeURIComponent(EVIL)}`, true],
]

describe.skipIf(withoutBrowser())('markup in any string of YAML', IN_A_BROWSER, () => {
  it('is text on every page, never run', async () => {
    await builtUi()
    const folder = testFolder('hostile')
    writeFileSync(join(folder, 'rules.yaml'), RULES)
    const [mesh, browser] = await Promise.all([serveChild(folder), startBrowser()])
    const { page, complaints } = await openPage(browser, mesh.apiUrl)
    for (const [path, shows] of PAGES) {
      await page.goto(mesh.apiUrl + path)
      await settled(page)
      const text = () => page.locator('main').innerText()
      if (shows) await expect.poll(text, { message: path }).toContain('onerror=')
      else expect(await text(), path).not.toContain('onerror=')
      expect(await page.evaluate('globalThis.hacked'), path).toBeUndefined()
      expect(await page.locator('main img').count(), path).toBe(0)
    }
    // Names that do not exist answer 404; nothing else is wrong.
    expect(complaints.filter((one) => !one.includes('404'))).toEqual([])
  })
})
