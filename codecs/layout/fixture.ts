import { expect } from 'vitest'
import { parse } from 'yaml'
import type { Codec } from '../contract.ts'
import { checkDocument } from '../document.ts'

/** What the check of a Protocol document with this `spec` (YAML) says. */
export function check(spec: string) {
  return checkDocument({
    apiVersion: 'meshgate.io/v1',
    kind: 'Protocol',
    metadata: { name: 'test' },
    spec: parse(spec),
  })
}

/** The codec of such a document, which must have no errors. */
export function compile(spec: string): Codec {
  const { codec, issues } = check(spec)
  expect(issues.filter(({ severity }) => severity === 'error')).toEqual([])
  return codec!
}
