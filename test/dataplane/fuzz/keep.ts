import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Harm } from './driver.ts'

/** Writes what did harm to `seeds/`, where the tests replay it. @returns what happened, with the seed and the file */
export function keepHarm({ message, streams }: Harm, seed: number, sent: number): string {
  const folder = new URL('./seeds/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const file = new URL(`${seed}-${sent}.json`, folder)
  writeFileSync(file, `${JSON.stringify({ what: message, streams }, undefined, 1)}\n`)
  return `seed ${seed}: ${message}\n  what was sent last is kept, and replayed by the tests: ${fileURLToPath(file)}`
}
