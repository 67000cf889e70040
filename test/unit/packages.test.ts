import { readFileSync } from 'node:fs'
import { minVersion, satisfies } from 'semver'
import { expect, it } from 'vitest'

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly engines?: Readonly<Record<string, string>> }>
  >
}

interface Package {
  readonly engines: { readonly node: string }
  readonly scripts: Readonly<Record<string, string>>
}

const OLDEST_NODE = '20.19.0'
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
const lock = read('package-lock.json') as Lock

it('says which Node is the oldest, and is tested on it', () => {
  const { engines, scripts } = read('package.json') as Package
  expect(minVersion(engines.node)?.version).toBe(OLDEST_NODE)
  expect(scripts['test:oldest']).toContain(`--package=node@${OLDEST_NODE} `)
})

it(`installs nothing that does not want to run on Node ${OLDEST_NODE}, so that npm ci does not warn`, () => {
  const unwilling = Object.entries(lock.packages)
    .filter(([, { engines }]) => engines?.['node'] !== undefined && !satisfies(OLDEST_NODE, engines['node']))
    .map(([path, { version, engines }]) => `${path} ${version} wants Node ${engines?.['node']}`)
  expect(unwilling).toEqual([])
})
