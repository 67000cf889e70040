/** A file that was dropped or chosen. */
export interface DroppedFile {
  /** Below the folder that was dropped, with `/`. */
  readonly path: string
  readonly text: string
}

export interface Dropped {
  readonly files: readonly DroppedFile[]
  /** Files that are no YAML or JSON by their name. */
  readonly leftOut: number
}

/** More is no set of rules that a person looks at. */
const MOST_FILES = 2_000
const MOST_CHARACTERS = 16 * 1024 * 1024
const READ = /\.(ya?ml|json)$/i

/** What this needs of an entry of https://wicg.github.io/entries-api/. */
export interface DroppedEntry {
  readonly name: string
  readonly isFile: boolean
}

interface FileEntry extends DroppedEntry {
  file(done: (file: File) => void, failed: (error: Error) => void): void
}

interface FolderEntry extends DroppedEntry {
  createReader(): { readEntries(done: (some: DroppedEntry[]) => void, failed: (error: Error) => void): void }
}

interface Found {
  readonly path: string
  readonly file: File
}

/** What was dropped, folders with all that is in them; hidden ones are left out. @throws Error when it is too much */
export async function droppedFiles(items: Iterable<{ webkitGetAsEntry(): DroppedEntry | null }>): Promise<Dropped> {
  // Before anything is waited for: the list is empty afterwards.
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const found: Found[] = []
  for (const entry of entries) await collect(entry, entries.length === 1 && !entry.isFile ? '' : entry.name, found)
  return read(found)
}

/** What was chosen with the dialog of the browser. */
export function chosenFiles(files: readonly File[]): Promise<Dropped> {
  return read(files.map((file) => ({ path: file.name, file })))
}

async function collect(entry: DroppedEntry, path: string, found: Found[]): Promise<void> {
  if (entry.name.startsWith('.')) return
  if (found.length > MOST_FILES) throw new Error(`more than ${MOST_FILES} files`)
  if (isFile(entry)) {
    found.push({ path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) })
    return
  }
  const reader = (entry as FolderEntry).createReader()
  for (;;) {
    // A hundred at a time, until none is left (https://wicg.github.io/entries-api/#dom-filesystemdirectoryreader-readentries).
    const some = await new Promise<DroppedEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const one of some) await collect(one, path === '' ? one.name : `${path}/${one.name}`, found)
  }
}

const isFile = (entry: DroppedEntry): entry is FileEntry => entry.isFile

async function read(found: readonly Found[]): Promise<Dropped> {
  const wanted = found.filter(({ path }) => READ.test(path))
  const size = wanted.reduce((sum, { file }) => sum + file.size, 0)
  if (size > MOST_CHARACTERS) throw new Error(`more than ${MOST_CHARACTERS / 1024 / 1024} MiB`)
  const files = await Promise.all(wanted.map(async ({ path, file }) => ({ path, text: await file.text() })))
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  return { files, leftOut: found.length - wanted.length }
}
