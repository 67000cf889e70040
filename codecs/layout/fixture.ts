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

/** A document that is accepted, for tests to change. */
export const good = `
frame: {length: {at: 0, type: u32, counts: all}, max: 64KiB}
message:
  kind: {at: 4, type: u8, is: {1: request, 2: response}}
  id: {at: 8, type: u32}
fields: {msgid: {at: 12, type: u32}}
reply: {error: close}
`

/** Of a document that is refused: the first error, as `path: message`. */
export function refusal(spec: string): string {
  const { codec, issues } = check(spec)
  expect(codec).toBeUndefined()
  const error = issues.find(({ severity }) => severity === 'error')
  return `${error?.path.join('.')}: ${error?.message}`
}

/** The bytes of hex digits, which may have spaces between them. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
}

/** A field of a whole frame. */
export function field(codec: Codec, name: string, frame: Uint8Array) {
  return codec.field(codec.slot(name), frame, 0, frame.length)
}
