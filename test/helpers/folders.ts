import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stopAfterTests } from './processes.ts'

/** A new folder for a test file; it goes when everything that may still write into it has been stopped. */
export function testFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `meshgate-${name}-`))
  stopAfterTests(() => rm(folder, { recursive: true, force: true }), 'last')
  return folder
}
