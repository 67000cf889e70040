import { expect, test } from 'vitest'
import { Unfinished } from './unfinished.ts'

const MiB = 1024 * 1024

test('streams share what their unfinished requests may take; who wants more than is left is told so', () => {
  const all = new Unfinished(100 * MiB)
  const [one, other, third] = [all.share(), all.share(), all.share()]
  expect(one.holds(60 * MiB)).toBe(true)
  expect(other.holds(40 * MiB)).toBe(true)
  expect(third.holds(1 * MiB)).toBe(false)
  third.holds(0)
  one.holds(0)
  expect(other.holds(100 * MiB)).toBe(true)
})

test('short requests need no room, and a request that comes whole gives it back', () => {
  const all = new Unfinished(MiB)
  const one = all.share()
  for (let bytes = 0; bytes <= MiB; bytes += 1000) expect(one.holds(bytes)).toBe(true)
  const short = Array.from({ length: 1000 }, () => all.share())
  expect(short.every((share) => share.holds(200 * 1024))).toBe(true)
  one.holds(0)
  expect(all.share().holds(MiB)).toBe(true)
})
