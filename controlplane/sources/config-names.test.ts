import { describe, expect, test } from 'vitest'
import { isConfigName } from './config-names.ts'

describe('names', () => {
  test.each(['a.yaml', 'a.yml', 'a.json', 'A.YAML', 'a.b.yaml'])('%s may hold configuration', (name) => {
    expect(isConfigName(name)).toBe(true)
  })
  test.each([
    '.a.yaml',
    '.a.yaml.swp',
    'a.yaml~',
    '#a.yaml#',
    '.#a.yaml',
    '4913',
    'a.yaml.swp',
    'a.yaml.tmp',
    'a.txt',
    'yaml',
    '..data',
    'package.json',
    'package-lock.json',
    'npm-shrinkwrap.json',
  ])('%s does not', (name) => {
    expect(isConfigName(name)).toBe(false)
  })
})
