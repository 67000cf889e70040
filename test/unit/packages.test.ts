import { readFileSync } from 'node:fs'
import { satisfies } from 'semver'
import { expect, it } from 'vitest'

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly engines?: Readonly<Record<string, string>> }>
  >
}

const OLDEST_NODE = '20.19.0'
const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as Lock

it(`installs nothing that does not want to run on Node ${OLDEST_NODE}, so that npm ci does not warn`, () => {
  const unwilling = Object.entries(lock.packages)
    .filter(([, { engines }]) => engines?.['node'] !== undefined && !satisfies(OLDEST_NODE, engines['node']))
    .map(([path, { version, engines }]) => `${path} ${version} wants Node ${engines?.['node']}`)
  expect(unwilling).toEqual([])
})
