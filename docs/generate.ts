import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cliPage } from './pages/cli.ts'
import { diagnosticsPage } from './pages/diagnostics.ts'
import { kindsPage } from './pages/kinds.ts'
import { metricsPage } from './pages/metrics.ts'

/** Pages that are made of tables in the code, by file. `npm run docs` writes them; a test fails when they are stale. */
export const PAGES: Readonly<Record<string, () => string>> = {
  'kinds.md': kindsPage,
  'diagnostics.md': diagnosticsPage,
  'cli.md': cliPage,
  'metrics.md': metricsPage,
}

/** Where a page lies. */
export function pageFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, render] of Object.entries(PAGES)) {
    const file = pageFile(name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, render())
    console.log(`docs/${name} written`)
  }
}
