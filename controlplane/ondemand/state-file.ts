import { readFile } from 'node:fs/promises'
import { replaceFile } from '../../files/replace-file.ts'
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
    save: (state) => replaceFile(path, stateToJson(state)),
  }
}
