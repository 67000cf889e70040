import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of the package, found from the sources (`cli/`) as well as from the build (`dist/cli/`). @throws Error when the package is incomplete */
export function packageFile(path: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, path)
    if (folder === dirname(folder)) throw new Error('the package meshgate is incomplete: its package.json is missing')
  }
}
