import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const casesDirectory = resolve(process.env['MESHGATE_CASES'] ?? '../shared/cases')

/** Every YAML file of the cases; empty, with a word on the console, when the folder is not there. */
export function sampleFiles(): { readonly name: string; readonly text: string }[] {
  if (!existsSync(casesDirectory)) {
    console.warn(`no cases at ${casesDirectory} (set MESHGATE_CASES): only generated texts are tried`)
    return []
  }
  return readdirSync(casesDirectory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(casesDirectory, name), 'utf8') }))
}
