import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type StateStore, stateFromJson, stateToJson } from './state.ts'

/** The state in one file, replaced as a whole: a process that ends while it writes leaves the old one. */
export function stateFile(path: string): StateStore {
  return {
    async load() {
      let text: string
      try {
        text = await readFile(path, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
      try {
        return stateFromJson(text)
      } catch (error) {
        throw new Error(`${path} cannot be used: ${(error as Error).message}`)
      }
    },
    async save(state) {
      await mkdir(dirname(path), { recursive: true })
      const beside = `${path}.new`
      const file = await open(beside, 'w', 0o600)
      try {
        await file.writeFile(stateToJson(state))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
    },
  }
}
