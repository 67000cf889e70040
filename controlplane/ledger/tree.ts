import { type BigIntStats, type Dirent, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { errorCode } from '../../errors/thrown.ts'
import { isConfigName, isIgnoredName } from '../sources/config-names.ts'

/** A file of configuration on the disk. */
export interface FoundFile {
  /** Below the root, with `/` between names. */
  readonly file: string
  /** Changes whenever the file may have changed. */
  readonly version: string
  /** False for what is reached through a link: replacing it would replace the link. */
  readonly writable: boolean
}

/** Files larger than this are not configuration (the reader refuses them as well), bytes. */
const MOST_FILE_BYTES = 10 * 1024 * 1024

type Now<T> = T | Promise<T>

/** What looking at a folder needs of a file system. */
export interface Disk {
  realPath(path: string): Now<string>
  list(folder: string): Now<Dirent[]>
  /** Follows links. */
  info(path: string): Now<BigIntStats>
  read(path: string): Now<Buffer>
}

/** All calls go through the thread pool: a mount that hangs does not hold up the process. */
export const patientDisk: Disk = {
  realPath: (path) => realpath(path),
  list: (folder) => readdir(folder, { withFileTypes: true }),
  info: (path) => stat(path, { bigint: true }),
  read: (path) => readFile(path),
}

/** The same without the thread pool, at a tenth of the cost for each of thousands of files: before anything is served. */
export const blockingDisk: Disk = {
  realPath: (path) => realpathSync(path),
  list: (folder) => readdirSync(folder, { withFileTypes: true }),
  info: (path) => statSync(path, { bigint: true }),
  read: (path) => readFileSync(path),
}

/**
 * The files of configuration below a folder, by name; the same ones a file store reads. Links are followed, a folder is entered
 * once. Folders that cannot be listed, and files too large to read, are left out and named in `unreadable`, so that nobody takes their files for deleted.
 */
export async function findFiles(
  root: string,
  disk: Disk = patientDisk,
): Promise<{ readonly files: readonly FoundFile[]; readonly unreadable: readonly string[] }> {
  const files: FoundFile[] = []
  const unreadable: string[] = []
  const entered = new Set<string>()
  const visit = async (folder: string, writable: boolean): Promise<void> => {
    const path = join(root, folder)
    const real = await disk.realPath(path)
    if (entered.has(real)) return
    entered.add(real)
    const entries = await disk.list(path)
    for (const entry of entries) {
      if (isIgnoredName(entry.name)) continue
      const file = folder ? `${folder}/${entry.name}` : entry.name
      const link = entry.isSymbolicLink()
      if (entry.isFile() && !isConfigName(entry.name)) continue
      try {
        if (entry.isDirectory()) await visit(file, writable)
        else {
          const info = await disk.info(join(root, file))
          if (info.isDirectory()) await visit(file, false)
          else if (!info.isFile() || !isConfigName(entry.name)) continue
          else if (info.size > MOST_FILE_BYTES) unreadable.push(file)
          else
            files.push({
              file,
              version: `${info.ino}:${info.size}:${info.mtimeNs}:${info.ctimeNs}`,
              writable: writable && !link,
            })
        }
      } catch (error) {
        if (!isGone(error)) unreadable.push(file)
      }
    }
  }
  await visit('', true)
  return { files: files.sort((a, b) => (a.file < b.file ? -1 : 1)), unreadable }
}

/** The bytes of a file; undefined when it is not there. @throws Error when it cannot be read. */
export async function readBytes(path: string, disk: Disk = patientDisk): Promise<Buffer | undefined> {
  try {
    return await disk.read(path)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function isGone(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Why a name cannot be that of a file of configuration; undefined when it can. */
export function nameProblem(file: string): string | undefined {
  if (file.length > 512) return 'longer than 512 characters'
  const names = file.split('/')
  if (file.startsWith('/') || /^[A-Za-z]:/.test(file)) return 'must be relative to the folder of configuration'
  if (names.some((name) => name === '..' || name === '.' || name === '')) return 'may not hold empty names, "." or ".."'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(file)) return 'may not hold backslashes or control characters'
  if (Buffer.from(file).toString() !== file) return 'is no Unicode text'
  if (names.some((name) => Buffer.byteLength(name) > 255)) return 'holds a name longer than 255 bytes'
  if (names.some(isIgnoredName)) return 'would be ignored: hidden names, those of backups and those of npm are not read'
  if (!isConfigName(names.at(-1)!)) return 'must end in .yaml, .yml or .json'
  return undefined
}

/**
 * Why this file may not be written, undefined when it may: its name, a link on the way to it that leads elsewhere, or something
 * else in its place.
 */
export async function writeProblem(root: string, file: string): Promise<string | undefined> {
  const bad = nameProblem(file)
  if (bad) return bad
  const names = file.split('/')
  const rootReal = await realpath(root)
  for (let count = 1; count <= names.length; count++) {
    const path = join(root, ...names.slice(0, count))
    const info = await lstat(path).catch((error: unknown) => {
      if (isGone(error)) return undefined
      throw error
    })
    if (!info) return undefined
    const shown = names.slice(0, count).join('/')
    if (info.isSymbolicLink()) return `${shown} is a link: change what it leads to`
    const last = count === names.length
    if (last ? !info.isFile() : !info.isDirectory()) return `${shown} is no ${last ? 'file' : 'folder'}`
    const real = await realpath(path)
    if (!real.startsWith(rootReal + sep)) return `${shown} lies outside of the folder of configuration`
  }
  return undefined
}
