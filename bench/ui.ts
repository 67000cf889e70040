/**
 * Does the admin UI grow with time, and how long does a key take to be seen? A browser walks the pages and edits, scripts plan, apply and
 * listen to events, all over one control plane; what both hold after collecting is told once a minute.
 *
 * `npm run bench:ui [-- --minutes 20 -o json]`
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { launchChromium } from '../test/helpers/chromium.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { type ServeChild, serveChild } from '../test/helpers/serve.ts'
import { median, quantile, report, round } from './measure.ts'

const HOSTS = 50
const MiB = 1024 * 1024
const EDITOR = '/rules/VirtualService/default/s0/edit?view=split'
const PAGES = ['/', '/services', '/rules', '/changes', '/proxies', '/topology', '/settings'] as const

const rule = (name: string, weight: number) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}]
  http:
    - route:
        - { destination: { host: ${name}, subset: v1 }, weight: ${weight} }
        - { destination: { host: ${name}, subset: v2 }, weight: ${100 - weight} }
`
const service = (name: string) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [${name}.default.svc.cluster.local]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 127.0.0.2, labels: { version: v1 } }, { address: 127.0.0.3, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
`

interface Minute {
  readonly minute: number
  /** Least heap of the control plane within the minute, so after some collection. */
  readonly serverHeap: number
  readonly serverRss: number
  /** Heap of the page after a collection. */
  readonly pageHeap: number
  readonly nodes: number
  readonly applies: number
}

/** What scripts do all the time: apply a change, and leave a stream of events for a new one. */
async function scripts(plane: ServeChild, state: { running: boolean; applies: number }): Promise<void> {
  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(plane.apiUrl + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { plan: string; base: number }
  }
  for (let round = 0; state.running; round++) {
    const events = new AbortController()
    await fetch(`${plane.apiUrl}/api/v1/events`, { signal: events.signal })
    const name = `s${1 + (round % (HOSTS - 1))}`
    const changes = [{ file: `${name}.yaml`, text: rule(name, round % 101) }]
    // Equal to what is there, once in a hundred rounds: the API says so.
    const { plan, base } = await post('/api/v1/plan', { changes }).catch(() => ({ plan: '', base: 0 }))
    if (plan) {
      await post('/api/v1/apply', { plan, base, changes, reason: `round ${round}` })
      state.applies++
    }
    events.abort()
    await sleep(150)
  }
}

async function walk(page: Page, url: string): Promise<void> {
  // By links, as people do: the page is loaded once.
  for (const path of PAGES) {
    await page.locator(`nav a[href="${path}"]`).first().click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    await sleep(300)
  }
  await page.evaluate(
    `history.pushState({}, '', ${JSON.stringify(url + EDITOR)}); dispatchEvent(new PopStateEvent('popstate'))`,
  )
  await page.locator('.cm-content').waitFor()
}

/** From a key until its letter is on the screen, ms. */
async function keys(page: Page, count: number): Promise<readonly number[]> {
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+End')
  await page.evaluate(`globalThis.times = []
    addEventListener('keydown', ({ timeStamp }) => requestAnimationFrame(() =>
      setTimeout(() => times.push(performance.now() - timeStamp))), { capture: true })`)
  for (let i = 0; i < count; i++) {
    await page.keyboard.type(i === 0 ? '#' : 'x')
    await sleep(60)
  }
  await sleep(500)
  return page.evaluate<number[]>('times')
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '20' }, output: { type: 'string', short: 'o' } },
  })
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-ui-'))
  for (let i = 0; i < HOSTS; i++) {
    await writeFile(join(folder, `s${i}.yaml`), rule(`s${i}`, 90))
    await writeFile(join(folder, `s${i}-service.yaml`), service(`s${i}`))
  }
  const plane = await serveChild(folder)
  const browser = await launchChromium()
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage()
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(plane.apiUrl + EDITOR)
  await page.locator('.cm-content').waitFor()
  await sleep(2_000)
  const typed = await keys(page, 60)
  await page.evaluate('localStorage.clear()')
  await page.goto(plane.apiUrl)

  const state = { running: true, applies: 0 }
  const busy = scripts(plane, state)
  const devtools = await page.context().newCDPSession(page)
  const minutes: Minute[] = []
  for (let minute = 1; minute <= Number(values.minutes); minute++) {
    const end = performance.now() + 60_000
    const heaps: number[] = []
    while (performance.now() < end) {
      await walk(page, plane.apiUrl)
      const metrics = await (await fetch(`${plane.apiUrl}/metrics`)).text()
      heaps.push(Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(metrics)![1]))
      const more = 8
      for (let i = 0; i < more; i++) {
        const sample = await (await fetch(`${plane.apiUrl}/metrics`)).text()
        heaps.push(Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(sample)![1]))
        await sleep(100)
      }
    }
    await devtools.send('HeapProfiler.collectGarbage')
    const { usedSize } = await devtools.send('Runtime.getHeapUsage')
    const { nodes } = await devtools.send('Memory.getDOMCounters')
    const status = await readFile(`/proc/${plane.process.pid}/status`, 'utf8')
    const row = {
      minute,
      serverHeap: round(Math.min(...heaps) / MiB, 1),
      serverRss: round((Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) * 1024) / MiB, 1),
      pageHeap: round(usedSize / MiB, 1),
      nodes,
      applies: state.applies,
    }
    minutes.push(row)
    if (values.output !== 'json') console.log(JSON.stringify(row))
  }
  state.running = false
  await busy
  await browser.close()
  await stopEverything()
  await rm(folder, { recursive: true, force: true })
  if (complaints.length > 0) throw new Error(`the page complains: ${complaints[0]}`)
  const key = { p50: round(median(typed), 1), p95: round(quantile(typed, 0.95), 1) }
  await report(minutes, { bench: 'ui', keyToFrameMs: key, minutes }, values.output ?? '')
}

await main()
