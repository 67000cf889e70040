import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Harm } from './driver.ts'

/** Writes what did harm to `seeds/`, where the tests replay it. @returns what happened, with the seed, the file and the line that replays it */
export function keepHarm({ message, streams }: Harm, seed: number, sent: number): string {
  const folder = new URL('./seeds/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const name = `${seed}-${sent}.json`
  const file = new URL(name, folder)
  writeFileSync(file, `${JSON.stringify({ what: message, streams }, undefined, 1)}\n`)
  return `seed ${seed}: ${message}\n  what was sent last is kept: ${fileURLToPath(file)}\n  that alone again: npx vitest run test/dataplane/fuzz/fuzz.test.ts -t '${name}'`
}
