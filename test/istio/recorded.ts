import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'

/** A recording of an area, one mesh a line: what Istio's side was found to do, so that every test run can hold ours against it. */
export class Recording<One> {
  readonly #file: string

  /** @param area its name; the file is `golden/<area>.jsonl` */
  constructor(area: string) {
    this.#file = fileURLToPath(new URL(`./golden/${area}.jsonl`, import.meta.url))
  }

  /** @throws Error that says how to record it when it is not there */
  async read(): Promise<readonly One[]> {
    if (!existsSync(this.#file)) throw new Error(`${this.#file} is missing: record it with UPDATE_GOLDEN=1`)
    const lines = (await readFile(this.#file, 'utf8')).split('\n')
    return lines.filter(Boolean).map((line) => JSON.parse(line) as One)
  }

  async write(meshes: readonly One[]): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true })
    await writeFile(this.#file, meshes.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }
}

/** A test that makes a recording anew, with `UPDATE_GOLDEN`: it needs Go, and there is nothing to skip without. */
export function whenRecording(title: string, record: () => Promise<void>, timeoutMs: number): void {
  if (process.env['UPDATE_GOLDEN']) test(title, record, timeoutMs)
}
