import { describe, expect, test } from 'vitest'
import { convergence } from '../../bench/convergence.ts'
import { MODES } from '../envoy/http-mesh.ts'

/** The short version of `npm run bench:convergence`. */
describe.each(MODES)('a file is saved while meshgate serve runs, %s', (mode) => {
  test('each of ten edits in a row is served, one for one, and nothing is refused', async () => {
    const { meshgate, rejected } = await convergence({ mode, edits: 10, services: 20 })
    expect(meshgate).toHaveLength(10)
    expect(rejected).toEqual({})
  })
})
