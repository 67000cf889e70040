import { FileStore, type SourceSnapshot } from '../../controlplane/sources/index.ts'

/** Reads files and folders once, without watching on. @throws Error when a path does not exist. */
export async function readOnce(paths: readonly string[]): Promise<SourceSnapshot> {
  const store = new FileStore({ paths })
  try {
    return await store.start()
  } finally {
    await store.stop()
  }
}
