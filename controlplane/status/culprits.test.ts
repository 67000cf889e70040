import { describe, expect, test } from 'vitest'
import { isOfMachine, namedIn, reasonFor } from './culprits.ts'

describe('who is named', () => {
  const NAMES = ['outbound|80||a.default', 'outbound|80||ab.default', 'b', 'cluster', 'web.0']
  const cases: readonly (readonly [text: string, named: readonly string[]])[] = [
    ['Error adding/updating cluster(s) outbound|80||a.default: no eds', ['outbound|80||a.default']],
    ['Error adding/updating cluster(s) b: why, cluster: why not', ['b', 'cluster']],
    ['Error adding/updating cluster(s) b: it points to "cluster"', ['b']],
    ['Error adding/updating listener(s) web.0: error adding listener: duplicate address', ['web.0']],
    ['xDS response validation errors: [resource index 0: b: INVALID_ARGUMENT: [field:x error:y]]', ['b']],
    ['route: unknown cluster "outbound|80||ab.default"', ['outbound|80||ab.default']],
    ['Only unique values for domains are permitted in route outbound|80||a.default.', ['outbound|80||a.default']],
    ['Proto constraint validation failed (ClusterValidationError.Name: value length must be at least 1)', []],
    ['the cluster is bad, b is an English letter', []],
    ['', []],
  ]
  test.each(cases)('%s', (text, named) => {
    expect(namedIn(text, NAMES)).toEqual(named)
  })
})

test('each of several culprits gets its own reason', () => {
  const text = 'Error adding/updating cluster(s) a: first, with a comma, b: second'
  expect(reasonFor(text, 'a', ['a', 'b'])).toBe('first, with a comma')
  expect(reasonFor(text, 'b', ['a', 'b'])).toBe('second')
  expect(reasonFor('no list', 'a', ['a'])).toBe('no list')
})

test('an address that cannot be bound is a matter of the machine, of listeners alone', () => {
  const reason = "cannot bind '127.0.0.1:15080': Address already in use"
  expect(isOfMachine({ type: 'lds' }, reason)).toBe(true)
  expect(isOfMachine({ type: 'cds' }, reason)).toBe(false)
  expect(isOfMachine({ type: 'lds' }, "filter 'x' cannot bind 'y'")).toBe(false)
})
