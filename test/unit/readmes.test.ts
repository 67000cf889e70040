import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const NOT_OURS = new Set(['node_modules', 'dist', 'gen', 'coverage'])

function files(folder = ''): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) || entry.name.startsWith('.') ? [] : files(path)
    return [path]
  })
}

/** Sources a page names in code, such as `stream.ts`, `../change/drafts.ts`, `controlplane/mesh.ts` and `meaning-*.ts`. */
function namedSources(page: string): readonly string[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/^```.*?^```/gms, '')
  return [...text.matchAll(/`((?:\.{1,2}\/)*[\w/.*-]+\.tsx?)`/g)].map(([, name]) => name!)
}

/**
 * What may be meant by a name on a page: a README speaks of its folder, of what is below it and, by its whole path, of the tree; a page
 * of `docs/` of the whole tree, by the end of a path.
 */
function meant(page: string, name: string): readonly string[] {
  const folder = page.split('/').slice(0, -1).join('/')
  if (folder.split('/')[0] === 'docs') return [name, `**/${name}`]
  return [name, join(folder, name), ...(name.startsWith('.') ? [] : [join(folder, '**', name)])]
}

/** `**` stands for folders, none of them included; `*` for a part of a name. */
function pattern(glob: string): RegExp {
  const parts = glob.split(/(\*\*\/|\*)/).map((part) => {
    if (part === '**/') return '(?:.*/)?'
    return part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('')}$`)
}

describe('pages', () => {
  it('name only sources that are there: what was moved is looked for in vain', () => {
    const all = files()
    const pages = all.filter((file) => file.endsWith('.md') && file !== 'CHANGELOG.md')
    const named = pages.flatMap((page) => namedSources(page).map((name) => ({ page, name })))
    expect(named.length).toBeGreaterThan(300)
    const wrong = named.filter(({ page, name }) => {
      const patterns = meant(page, name).map(pattern)
      return !all.some((file) => patterns.some((one) => one.test(file)))
    })
    expect(wrong).toEqual([])
  })
})
