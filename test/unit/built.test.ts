import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** What an install takes for built already (`npm run built`) is not built again. */

const read = (file: string) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))

test('a build is stale when anything it is made of changed, and by nothing else: a run writes into examples', () => {
  const { built } = read('package.json').scripts as { built: string }
  const watched = /find (.*) -newer/.exec(built)![1]!.split(' ')
  const { include } = read('tsconfig.build.json') as { include: readonly string[] }
  // The programs of benchmarks and tests compile what they need themselves.
  const compiled = include.filter((folder) => !/^(?:bench|test)\//.test(folder))
  expect(watched.sort()).toEqual([...compiled, 'admin-ui', 'package.json', 'tsconfig*.json'].sort())
})
