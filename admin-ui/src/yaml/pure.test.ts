import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const room = dirname(fileURLToPath(import.meta.url))

it('runs in browser and server: nothing but yaml and files of this folder is imported', () => {
  for (const name of readdirSync(room)) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
    const text = readFileSync(join(room, name), 'utf8')
    const imports = [...text.matchAll(/\bfrom '([^']+)'/g)].map(([, from]) => from!)
    expect(
      imports.filter((from) => from !== 'yaml' && !/^\.\/[a-z]+\.ts$/.test(from)),
      name,
    ).toEqual([])
    expect(text, name).not.toMatch(/\b(?:process|Buffer|window|globalThis|require)\b[.(]/)
  }
})
