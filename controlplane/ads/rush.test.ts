import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { RUSH_FLAGS, Rush } from './rush.ts'

function rush(v8 = '14.6.202') {
  const flags: string[] = []
  const it = new Rush(v8, (flag) => flags.push(flag))
  const come = (count: number, now: number) => {
    for (let index = 0; index < count; index++) it.came(now)
  }
  return { it, come, flags }
}

test('fifty streams within a second are a rush, which is over a second after the last', () => {
  const { it, come, flags } = rush()
  come(49, 0)
  expect(flags).toEqual([])
  come(1, 900)
  expect(flags).toEqual([RUSH_FLAGS.begins])
  come(500, 2000)
  it.tick(2999)
  expect(flags).toHaveLength(1)
  it.tick(3000)
  it.tick(4000)
  expect(flags).toEqual([RUSH_FLAGS.begins, RUSH_FLAGS.ends])
  come(50, 5000)
  expect(flags).toHaveLength(3)
})

test('as many over a longer time are none', () => {
  const { it, come, flags } = rush()
  for (let second = 0; second < 10; second++) {
    come(40, second * 1100)
    it.tick(second * 1100)
  }
  expect(flags).toEqual([])
})

test('who stops meanwhile leaves V8 as it was', () => {
  const { it, come, flags } = rush()
  it.end()
  come(50, 0)
  it.end()
  expect(flags).toEqual([RUSH_FLAGS.begins, RUSH_FLAGS.ends])
})

test('a V8 that does not have the mode is asked for nothing', () => {
  const { come, flags } = rush('11.3.244.8-node.33')
  come(100, 0)
  expect(flags).toEqual([])
})

test('a V8 that is asked knows both flags: it has nothing to say of them', () => {
  const set = (flag: string) =>
    spawnSync(process.execPath, ['-e', `require('node:v8').setFlagsFromString('${flag}')`], { encoding: 'utf8' }).stderr
  const asked: string[] = []
  const it = new Rush(process.versions.v8, (flag) => asked.push(flag))
  for (let index = 0; index < 50; index++) it.came(0)
  it.end()
  expect(asked).toHaveLength(Number.parseInt(process.versions.v8, 10) < 12 ? 0 : 2)
  for (const flag of asked) expect(set(flag)).toBe('')
  expect(set('--no-such-flag')).toContain('--no-such-flag')
})
