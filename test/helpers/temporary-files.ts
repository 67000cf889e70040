import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * What tests and the programs they start write to the folder for temporary files goes into one of this run, which goes with it: also what a
 * program that was killed had no time to remove.
 */
export default function setup(): () => Promise<void> {
  const before = process.env['TMPDIR']
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-tests-'))
  process.env['TMPDIR'] = folder
  return async () => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    // Programs that were killed with their starter may take a moment to end.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
