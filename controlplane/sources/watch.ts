import { type FSWatcher, watch } from 'node:fs'
import { basename } from 'node:path'
import { errorCode } from '../../errors/thrown.ts'

/** Tells about changes in a set of folders; one watch per folder, none per file. */
export interface FolderWatcher {
  /** Sets the folders to watch, each by path and identity: one that was replaced is watched anew. Returns those that are new. */
  update(folders: ReadonlyMap<string, string>): string[]
  close(): void
}

/** `name` is undefined when the system does not say which entry changed; `renamed` when entries came or went. */
export type FolderListener = (folder: string, name: string | undefined, renamed: boolean) => void

/** Makes a watcher; tests put another one in its place. `onError` gets a folder that cannot be watched, with the error's code. */
export type WatchFolders = (onEvent: FolderListener, onError: (folder: string, code: string) => void) => FolderWatcher

interface Watched {
  readonly identity: string
  readonly watcher: FSWatcher
}

/** Watches by node:fs (inotify, FSEvents, ReadDirectoryChangesW). A folder that cannot be watched is tried again on the next update. */
export const watchFolders: WatchFolders = (onEvent, onError) => {
  const watched = new Map<string, Watched>()
  const drop = (folder: string) => {
    watched.get(folder)?.watcher.close()
    watched.delete(folder)
  }
  const add = (folder: string, identity: string) => {
    try {
      const watcher = watch(folder, (event, name) => {
        // Told by its own name: the folder itself went. A new one in its place may have got the same identity.
        const gone = event === 'rename' && name === basename(folder)
        if (gone && watched.get(folder)?.watcher === watcher) drop(folder)
        onEvent(folder, name ?? undefined, event === 'rename')
      })
      watched.set(folder, { identity, watcher })
      watcher.on('error', (error) => {
        if (watched.get(folder)?.watcher === watcher) drop(folder)
        onError(folder, errorCode(error) ?? 'EUNKNOWN')
      })
    } catch (error) {
      // Gone since it was listed: the next look at its parent finds that.
      if (errorCode(error) !== 'ENOENT') onError(folder, errorCode(error) ?? 'EUNKNOWN')
    }
  }
  return {
    update(folders) {
      for (const folder of [...watched.keys()]) if (folders.get(folder) !== watched.get(folder)?.identity) drop(folder)
      const fresh = [...folders.keys()].filter((folder) => !watched.has(folder))
      for (const folder of fresh) add(folder, folders.get(folder) as string)
      return fresh.filter((folder) => watched.has(folder))
    },
    close() {
      for (const folder of [...watched.keys()]) drop(folder)
    },
  }
}
