import { readFile } from 'node:fs/promises'
import { errorCode, errorText } from '../../errors/thrown.ts'
import { replaceFile } from '../../files/replace-file.ts'
import { type StateStore, stateFromJson, stateToJson } from './state.ts'

/** The state in one file, replaced as a whole: a process that ends while it writes leaves the old one. `load` throws an Error naming the file when it cannot be used. */
export function stateFile(path: string): StateStore {
  return {
    async load() {
      let text: string
      try {
        text = await readFile(path, 'utf8')
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return undefined
        throw error
      }
      try {
        return stateFromJson(text)
      } catch (error) {
        throw new Error(`${path} cannot be used: ${errorText(error)}`)
      }
    },
    save: (state) => replaceFile(path, stateToJson(state)),
  }
}
