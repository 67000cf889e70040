import { createHash } from 'node:crypto'
import { renameSync, unlinkSync } from 'node:fs'
import { mkdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errorCode } from '../../errors/thrown.ts'
import { flushFolder, writeFlushed } from '../../files/replace-file.ts'

/** A file as it shall be; without bytes it shall not be there. */
export interface Replacement {
  readonly path: string
  readonly bytes: Uint8Array | undefined
}

/**
 * Brings all files to their new state: each is written beside its place and flushed, then all are renamed in one go, then the
 * folders are flushed. A reader never sees a file half written. `tag` names the temporary files, so that a later process can
 * remove what a dead one left (`removeLeftovers`). When this rejects before the first rename, nothing has changed.
 */
export async function replaceFiles(replacements: readonly Replacement[], tag: string): Promise<void> {
  const written = replacements.filter(({ bytes }) => bytes !== undefined)
  const newFolders = new Set<string>()
  try {
    for (const { path, bytes } of written) {
      const made = await mkdir(dirname(path), { recursive: true })
      // A new folder is an entry of its parent, which must be flushed as well.
      for (let folder = dirname(path); made !== undefined && folder.length >= made.length; folder = dirname(folder))
        newFolders.add(dirname(folder))
      await writeFlushed(temporary(path, tag), bytes!, await modeOf(path))
    }
  } catch (error) {
    await removeLeftovers(replacements, tag)
    throw error
  }
  for (const { path, bytes } of replacements) {
    if (bytes !== undefined) renameSync(temporary(path, tag), path)
    else unlinkIfThere(path)
  }
  for (const folder of new Set([...replacements.map(({ path }) => dirname(path)), ...newFolders]))
    await flushFolder(folder)
}

/** Removes temporary files of an interrupted `replaceFiles`. */
export async function removeLeftovers(replacements: readonly Replacement[], tag: string): Promise<void> {
  for (const { path } of replacements)
    await unlink(temporary(path, tag)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    })
}

/** Hidden and with an ending that readers of configuration ignore; short, however long the name is. */
function temporary(path: string, tag: string): string {
  const name = createHash('sha256').update(basename(path)).digest('hex').slice(0, 16)
  return join(dirname(path), `.${name}.${tag}.tmp`)
}

/** The permissions the file has; those of a new file otherwise. */
async function modeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return 0o666 & ~process.umask()
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}
