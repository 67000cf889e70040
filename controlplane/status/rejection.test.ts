import { expect, test } from 'vitest'
import { fakeResource } from '../../test/helpers/fake-mesh.ts'
import type { ConfigObject } from '../config/object.ts'
import { judge, naming, start } from './fixture.ts'
import { LastGood, type Rejection } from './last-good.ts'
import { toDiagnostic } from './rejection.ts'

test('a refused resource is complained about where it stands by now', () => {
  const at = (line: number) => {
    const locate = () => ({ file: 'a.yaml', line, column: 1 })
    return { origins: [{ object: { source: { locate } } as unknown as ConfigObject, path: ['spec'] }] }
  }
  const { mesh, publish, verdicts, engine } = start(fakeResource('cds', 'a', 'bad', at(3)))
  const client = engine.client('delta', 'one')
  judge(client, client.ask('cds'), naming)
  const lines = () => verdicts.rejections.map((rejection) => toDiagnostic(rejection).line)
  expect(lines()).toEqual([3])
  // The same bytes, from another place.
  mesh.put(fakeResource('cds', 'a', 'bad', at(7)))
  publish()
  expect(lines()).toEqual([7])
  // Not answered yet.
  mesh.put(fakeResource('cds', 'a', 'fine', at(9)))
  publish()
  expect(lines()).toEqual([9])
})

test('the complaint stands at the line the resource came from', () => {
  const object = {
    source: { locate: (path: readonly unknown[]) => ({ file: 'rules.yaml', line: 3 + path.length, column: 5 }) },
  } as unknown as ConfigObject
  const resource = fakeResource('cds', 'b', 'bad', { origins: [{ object, path: ['spec', 'subsets', 0] }] })
  const verdicts = new LastGood(() => {})
  verdicts.blame('one', [resource], 'no good', { type: 'cds', upserts: [resource], acks: 0 }, () => [])
  expect(toDiagnostic(verdicts.rejections[0]!)).toEqual({
    code: 'XDS_REJECTED',
    severity: 'error',
    message: 'proxies refused cluster "b": no good',
    file: 'rules.yaml',
    line: 6,
    column: 5,
    path: 'spec.subsets[0]',
    hint: 'no version of it was ever accepted: it is left out',
  })
})

test.each([
  ['some refuse and nobody took', 2, 0, false, undefined, 'error', 'proxies refused', 'keep what they had'],
  ['some refuse and others took', 2, 1, false, undefined, 'warning', '2 of 3 proxies refused', 'keep what they had'],
  [
    'the class gets an older one instead of',
    1,
    2,
    true,
    '1',
    'error',
    '1 of 3 proxies refused',
    'last accepted version',
  ],
  ['the class goes without', 1, 0, true, undefined, 'error', 'proxies refused', 'no version of it was ever accepted'],
])('what %s: how bad it is', (_, refused, acceptedBy, pinned, servedVersion, severity, message, hint) => {
  const resource = fakeResource('cds', 'b', 'bad')
  const refusedBy = new Set(Array.from({ length: refused }, (__, i) => `${i}`))
  const rejection: Rejection = {
    resource,
    origins: [],
    error: 'no good',
    at: 0,
    refusedBy,
    unableBy: new Set(),
    acceptedBy,
    pinned,
    servedVersion,
    current: true,
  }
  expect(toDiagnostic(rejection)).toMatchObject({
    severity,
    message: `${message} cluster "b": no good`,
    hint: expect.stringContaining(hint),
  })
})
