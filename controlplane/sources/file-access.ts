import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { errorCode, errorText } from '../../errors/thrown.ts'

/** What tells one state of a file from another. */
export interface FileInfo {
  readonly kind: 'file' | 'folder' | 'other'
  /** Bytes. */
  readonly size: number
  /** Device and inode: the same for all paths to one file. */
  readonly identity: string
  /** Differs when content, permissions or the file behind the path differ. */
  readonly version: string
}

export interface FolderEntry {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'link' | 'other'
}

/** What the store needs of a file system; tests put a failing one in its place. Errors are Node's, with `code`. */
export interface FileAccess {
  /** Entries of a folder, in any order. */
  list(folder: string): Promise<FolderEntry[]>
  /** One entry as `list` would give it. */
  entry(path: string): Promise<FolderEntry>
  /** Follows links. */
  info(path: string): Promise<FileInfo>
  /** The path without any link. */
  realPath(path: string): Promise<string>
  /** Where a link points to, as written. */
  linkTarget(path: string): Promise<string>
  /**
   * Content up to `max` bytes; no bytes when it is larger or no regular file. `info` is that of the moment of reading, its
   * version empty when the file was written at the same time and has to be read again.
   */
  read(path: string, max: number): Promise<FileContent>
}

export interface FileContent {
  readonly info: FileInfo
  readonly bytes: Uint8Array | undefined
}

// Without O_NONBLOCK opening a named pipe waits for a writer, perhaps for ever.
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** A second write in the same tick of the file system's clock (4 to 10 ms on Linux) leaves the time of the first. */
const clockTickMs = 20

/** The file system of this machine. All calls go through the thread pool: a mount that hangs does not hold up the process. */
export const nodeFileAccess: FileAccess = {
  list: async (folder) => (await readdir(folder, { withFileTypes: true })).map(entryOf),
  entry: async (path) => entryOf(Object.assign(await lstat(path), { name: basename(path) })),
  info: async (path) => infoOf(await stat(path)),
  realPath: (path) => realpath(path),
  linkTarget: (path) => readlink(path),
  async read(path, max) {
    const file = await open(path, openFlags)
    try {
      const before = await file.stat()
      if (!fits(before, max)) return { info: infoOf(before), bytes: undefined }
      const buffer = Buffer.allocUnsafeSlow(before.size + 1)
      let length = 0
      for (let read = -1; read !== 0 && length !== before.size && length < buffer.length; length += read) {
        read = (await file.read(buffer, length, buffer.length - length, length)).bytesRead
      }
      return contentOf(before, await file.stat(), buffer.subarray(0, length))
    } finally {
      await file.close()
    }
  },
}

/**
 * The same without the thread pool, ten times as cheap: for the first reading of thousands of files, before anything is
 * served. Later a mount that hangs must not hold up the process.
 */
export const blockingFileAccess: FileAccess = {
  list: async (folder) => readdirSync(folder, { withFileTypes: true }).map(entryOf),
  entry: async (path) => entryOf(Object.assign(lstatSync(path), { name: basename(path) })),
  info: async (path) => infoOf(statSync(path)),
  realPath: async (path) => realpathSync(path),
  linkTarget: async (path) => readlinkSync(path),
  async read(path, max) {
    const file = openSync(path, openFlags)
    try {
      const before = fstatSync(file)
      if (!fits(before, max)) return { info: infoOf(before), bytes: undefined }
      const buffer = Buffer.allocUnsafeSlow(before.size + 1)
      let length = 0
      for (let read = -1; read !== 0 && length !== before.size && length < buffer.length; length += read) {
        read = readSync(file, buffer, length, buffer.length - length, length)
      }
      return contentOf(before, fstatSync(file), buffer.subarray(0, length))
    } finally {
      closeSync(file)
    }
  },
}

interface Stats {
  readonly dev: number
  readonly ino: number
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  isFile(): boolean
  isDirectory(): boolean
}

interface Entry {
  readonly name: string
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

function entryOf(entry: Entry): FolderEntry {
  const kind = entry.isSymbolicLink() ? 'link' : entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'other'
  return { name: entry.name, kind }
}

function fits(stats: Stats, max: number): boolean {
  return stats.isFile() && stats.size <= max
}

function contentOf(before: Stats, after: Stats, bytes: Uint8Array): FileContent {
  const info = infoOf(after)
  const age = Date.now() - after.mtimeMs
  const whole = info.version === infoOf(before).version && bytes.length === before.size
  const certain = whole && !(age >= 0 && age < clockTickMs)
  return { info: certain ? info : { ...info, version: '' }, bytes }
}

function infoOf(stats: Stats): FileInfo {
  return {
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other',
    size: stats.size,
    identity: `${stats.dev}:${stats.ino}`,
    version: `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`,
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is nothing at this path',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EIO: 'input/output error',
  ELOOP: 'a loop of symbolic links',
  ENOTDIR: 'a part of the path is not a folder',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in the system',
  ESTALE: 'the network file system lost the file',
}

/** A file system error in words. */
export function errorReason(error: unknown): string {
  const code = errorCode(error) ?? 'EUNKNOWN'
  return `${reasons[code] ?? errorText(error)} (${code})`
}
