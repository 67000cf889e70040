import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../errors/thrown.ts'

/**
 * Makes a folder and those above it that are missing. What Node itself has for that tries for ever where a file system says of a folder that
 * is there that nothing can be made in it by ENOENT, as `/proc` does, and places where volumes are mounted when they are asked for.
 * @see https://nodejs.org/api/fs.html#fspromisesmkdirpath-options (`recursive`)
 * @throws Error of the file system
 */
export async function makeFolders(path: string): Promise<void> {
  try {
    await makeOne(path)
  } catch (error) {
    const above = dirname(path)
    if (errorCode(error) !== 'ENOENT' || above === path) throw error
    await makeFolders(above)
    await makeOne(path)
  }
}

/** Makes one folder, unless it is there. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const isFolder = await stat(path).then(
      (it) => it.isDirectory(),
      () => false,
    )
    if (!isFolder) throw error
  }
}
