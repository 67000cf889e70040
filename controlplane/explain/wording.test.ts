import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const here = fileURLToPath(new URL('.', import.meta.url))
const LITERAL = "('[^'\\n]*'|`(?:[^`$]|\\$\\{(?:[^{}`]|`[^`]*`)*\\}|\\$)*`)"
const PAIR = new RegExp(`\\ben: ${LITERAL},\\s*zh: ${LITERAL}`, 'g')

const pairs = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .flatMap((file) =>
    [...readFileSync(`${here}/${file}`, 'utf8').matchAll(PAIR)].map(([, en, zh]) => ({ en: en!, zh: zh! })),
  )

/** Expressions that are filled in, without what they fall back to, which is words. */
const values = (text: string) => [...text.matchAll(/\$\{([\w.]+)/g)].map(([, name]) => name).sort()

it('every sentence is written in both languages', () => {
  const sources = readdirSync(here).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const english = sources.flatMap((file) => [...readFileSync(`${here}/${file}`, 'utf8').matchAll(/\ben: ['`]/g)])
  expect(pairs.length).toBeGreaterThan(25)
  expect(pairs).toHaveLength(english.length)
})

it.each(pairs)('$en', ({ en, zh }) => {
  expect(zh).toMatch(/\p{Script=Han}/u)
  expect(values(zh)).toEqual(values(en))
})
