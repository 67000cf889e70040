import { expect, test } from 'vitest'
import { type ShownSource, sourceProblems } from './sources.ts'

const lost: ShownSource = {
  ...{ name: 'consul:x', state: 'lost', services: 0, followed: 0, instances: 0, ageMs: 0, waiting: 0 },
  ...{ error: 'no answer', held: [] },
}

test('a registry that is lost says how old what is in force is, or that there is nothing', () => {
  expect(sourceProblems({ ...lost, services: 3, ageMs: 61_000 })).toEqual([
    expect.stringMatching(/LOST.* consul:x: endpoints are 1m1s old and stay in force\. no answer$/),
  ])
  expect(sourceProblems(lost)).toEqual([
    expect.stringMatching(
      /LOST.* consul:x: nothing has been read from it yet; proxies are refused until it answers\. no answer$/,
    ),
  ])
})
