import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../errors/thrown.ts'
import { makeFolders } from './make-folders.ts'

/** What is being written, by path. */
const writing = new Map<string, Promise<void>>()

/** Of a file: its text, its bytes, or pieces of its text, which are made as they are written, while others get their turn. */
export type Content = string | Uint8Array | Iterable<string>

/**
 * Makes the file what is given, as a whole: a process or machine that ends meanwhile leaves the old one or the new one, never a part.
 * Folders on the way are made. Only the owner may read it, since keys and tokens may stand in it. Calls for one path take effect in
 * their order. Two processes that write the same do not disturb each other; the later stands.
 * @throws Error of the file system; the old file then stands
 */
export function replaceFile(path: string, content: Content): Promise<void> {
  const before = writing.get(path) ?? Promise.resolve()
  // Who asked for the one before is told when that fails.
  const mine = before.catch(() => {}).then(() => replace(path, content))
  writing.set(path, mine)
  const forget = () => {
    if (writing.get(path) === mine) writing.delete(path)
  }
  mine.then(forget, forget)
  return mine
}

async function replace(path: string, content: Content): Promise<void> {
  await makeFolders(dirname(path))
  const beside = `${path}.${process.pid}.new`
  try {
    await writeFlushed(beside, content, 0o600)
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
  await flushFolder(dirname(path))
}

/** Writes a file with just these permissions, and returns when it is on disk. A file that is there is overwritten in its place. */
export async function writeFlushed(path: string, content: Content, mode: number): Promise<void> {
  const file = await open(path, 'w', mode)
  try {
    // Of a file that was there the mode above changes nothing, and of a new one the umask takes away.
    await file.chmod(mode)
    if (typeof content === 'string' || content instanceof Uint8Array) await file.writeFile(content)
    else for (const piece of content) await file.writeFile(piece)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Brings to disk which files a folder has, as after a rename; a folder that is gone has none. Not in the thread of the caller: a disk may
 * take tenths of a second, and messages and proxies wait for nobody's disk.
 */
export async function flushFolder(folder: string): Promise<void> {
  let opened: FileHandle
  try {
    opened = await open(folder, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return
    throw error
  }
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}
