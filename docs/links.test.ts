import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pageFile } from './generate.ts'

const root = join(dirname(pageFile('cli.md')), '..')

/** What the package holds, as npm packs it; what is built may be missing here. */
const shipped: readonly string[] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8' }),
)[0].files.map(({ path }: { path: string }) => path)

/** Pages about the repository itself: they may lead to what the package does not hold. */
const ABOUT_THE_CLONE = ['CONTRIBUTING.md', 'bench/README.md', 'test/istio/README.md']
const pages = shipped.filter((path) => path.endsWith('.md') && !path.startsWith('dist/'))

const textOf = (page: string) => readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```/gms, '')

/** Places of a page that a link may name, as GitHub calls them. */
function anchorsOf(page: string): readonly string[] {
  const headings = [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return [...headings, ...[...textOf(page).matchAll(/<a (?:id|name)="([^"]*)"/g)].map(([, id]) => id!)]
}

/** Links of a page to other pages and files, each with the place it names. */
function linksOf(page: string): readonly { readonly link: string; readonly path: string; readonly anchor: string }[] {
  return [...textOf(page).matchAll(/\]\((?!\w+:)([^)\s]*)\)/g)].map(([, link]) => {
    const [file = '', anchor = ''] = link!.split('#')
    return { link: link!, path: file === '' ? page : relative('/', join('/', dirname(page), file)), anchor }
  })
}

describe('links of the pages that the package holds', () => {
  it('are there to be checked', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/protocols.md', 'docs/decisions/nack.md']))
  })

  it.each(pages)('%s: each leads to something, at the place it names', (page) => {
    const dead = linksOf(page).filter(({ path, anchor }) => {
      if (!existsSync(join(root, path))) return true
      return anchor !== '' && statSync(join(root, path)).isFile() && !anchorsOf(path).includes(anchor)
    })
    expect(dead.map(({ link }) => link)).toEqual([])
  })

  it.each(pages.filter((page) => !ABOUT_THE_CLONE.includes(page)))('%s: and that is in the package', (page) => {
    const missing = linksOf(page).filter(
      ({ path }) => !shipped.some((one) => one === path || one.startsWith(`${path}/`)),
    )
    expect(missing.map(({ link }) => link)).toEqual([])
  })
})
