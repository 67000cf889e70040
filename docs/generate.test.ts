import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { KINDS } from '../controlplane/config/kinds.ts'
import { CODES } from '../controlplane/diagnostics/codes.ts'
import { sourceCodes } from '../controlplane/sources/codes.ts'
import { PAGES, pageFile } from './generate.ts'

describe('pages made of code', () => {
  for (const [name, render] of Object.entries(PAGES)) {
    it(`docs/${name} is up to date (else run "npm run docs")`, () => {
      expect(existsSync(pageFile(name))).toBe(true)
      expect(readFileSync(pageFile(name), 'utf8') === render()).toBe(true)
    })
  }

  it('docs/kinds.md says something about every field', () => {
    const page = PAGES['kinds.md']!()
    for (const { kind } of KINDS) expect(page).toContain(`## ${kind}`)
    const empty = page.split('\n').filter((line) => /^\| `/.test(line) && line.split(/(?<!\\)\|/)[4]?.trim() === '')
    expect(empty).toEqual([])
  })
})

function folder(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : []
}

describe('codes of diagnostics', () => {
  const root = fileURLToPath(new URL('../controlplane', import.meta.url))
  const files = ['config', 'diagnostics', 'sources', 'model', 'xds', 'status', 'explain'].flatMap((room) =>
    folder(join(root, room))
      .filter(
        (file) =>
          file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('/codes.ts') && file !== 'codes.ts',
      )
      .map((file) => readFileSync(join(root, room, file), 'utf8')),
  )
  const text = files.join('\n')

  it('every code of the table is used: one that nothing reports is a promise nobody keeps', () => {
    const unused = Object.keys(CODES).filter((code) => !text.includes(`'${code}'`))
    expect(unused).toEqual([])
  })

  it('every code that is used is in a table', () => {
    const used = [
      ...text.matchAll(/\bcode: '([A-Z][A-Z_0-9]+)'|\b(?:complain|add)\(\s*(?:\w+,\s*)?'([A-Z][A-Z_0-9]+)'/g),
    ]
    const codes = new Set(used.map(([, field, argument]) => field ?? argument!))
    expect(codes.size).toBeGreaterThan(30)
    expect([...codes].filter((code) => !(code in CODES) && !(code in sourceCodes))).toEqual([])
  })
})
