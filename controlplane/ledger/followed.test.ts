import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contentHash, FollowedLedger, Ledger } from './index.ts'

let root: string
let kept: Ledger
let followed: FollowedLedger
let keeper = 'http://127.0.0.1:1'

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'meshgate-followed-'))
  writeFileSync(join(root, 'a.yaml'), 'a: 1\n')
  kept = await Ledger.open(root)
  followed = await FollowedLedger.open(root, () => ({ reason: 'another has it', api: keeper }))
})
afterEach(async () => {
  await followed.close()
  await kept.close()
  rmSync(root, { recursive: true })
})

const write = (text: string) =>
  kept.apply([{ file: 'a.yaml', bytes: Buffer.from(text) }], {
    ...{ who: 'ann', why: text, source: 'api', refers: undefined },
    expected: new Map([['a.yaml', contentHash(kept.read('a.yaml')!)]]),
  })

test('what another process records is read at once, and told of in order when asked to look', async () => {
  const told: string[] = []
  followed.onRevision(({ why }) => told.push(why))
  expect(await followed.sync()).toBeUndefined()
  await write('a: 2\n')
  await write('a: 3\n')
  expect(followed.read('a.yaml')?.toString()).toBe('a: 3\n')
  expect(followed.read('a.yaml', 1)?.toString()).toBe('a: 1\n')
  expect(told).toEqual([])
  expect((await followed.sync())?.why).toBe('a: 3\n')
  await followed.sync()
  expect(told).toEqual(['a: 2\n', 'a: 3\n'])
})

test('nothing can be changed, and it says who can, as that is now', async () => {
  await expect(followed.apply()).rejects.toThrow('another has it')
  expect(followed.isWritable()).toBe(false)
  expect(followed.compact()).toBe(0)
  keeper = 'http://127.0.0.1:2'
  expect(followed.readOnly.api).toBe('http://127.0.0.1:2')
})
