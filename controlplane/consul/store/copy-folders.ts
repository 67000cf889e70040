import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { STATE_FOLDER } from '../../ledger/index.ts'

/** Folders in that of a copy: another history while it is read, and the copy it takes the place of. */
const BESIDE = 'next'
const FORMER = 'former'

/** A folder for another copy, beside the one there is in `mirror`; what an earlier try left there is gone. */
export function folderBeside(mirror: string): string {
  const beside = join(mirror, BESIDE)
  rmSync(beside, { recursive: true, force: true })
  mkdirSync(beside, { recursive: true })
  return beside
}

/** Puts the copy beside into the place of the one there is. Both must be closed. Killed anywhere, one of them is in place after `mendCopy`. */
export function takePlace(mirror: string): void {
  renameSync(join(mirror, STATE_FOLDER), join(mirror, FORMER))
  renameSync(join(mirror, BESIDE, STATE_FOLDER), join(mirror, STATE_FOLDER))
  for (const gone of [FORMER, BESIDE]) rmSync(join(mirror, gone), { recursive: true, force: true })
}

/** Before a copy is opened: brings back the former one, where a process was killed between the two steps of `takePlace`. */
export function mendCopy(mirror: string): void {
  const [copy, former] = [join(mirror, STATE_FOLDER), join(mirror, FORMER)]
  if (!existsSync(former)) return
  if (existsSync(copy)) rmSync(former, { recursive: true, force: true })
  else renameSync(former, copy)
}
