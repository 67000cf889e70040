import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const built = join(root, 'dist/admin-ui/pages/index.html')

/** Builds the pages the API serves when they are missing or older than their sources; test files at the same time build once. */
export async function builtUi(): Promise<void> {
  const lock = join(root, 'node_modules/.ui-build-lock')
  for (let round = 0; isStale(); round++) {
    try {
      mkdirSync(lock)
    } catch {
      if (round > 600) throw new Error(`${lock} stays: is a build still running?`)
      await sleep(200)
      continue
    }
    try {
      if (isStale()) execFileSync('npm', ['run', '-s', 'ui:build'], { cwd: root, stdio: 'pipe' })
      if (isStale()) throw new Error(`npm run ui:build does not write ${built}`)
    } finally {
      rmdirSync(lock)
    }
  }
}

function isStale(): boolean {
  if (!existsSync(built)) return true
  const since = statSync(built).mtimeMs
  const folder = join(root, 'admin-ui')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(tsx?|css|html|svg|js)$/.test(file) && !/\.test\.ts$/.test(file))
    .some((file) => statSync(join(folder, file)).mtimeMs > since)
}
