import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { testFolder } from '../../test/helpers/folders.ts'
import { Ledger } from './ledger.ts'
import { replacedSince } from './replaced.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('what was replaced or went since is told, the oldest first', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
  const folder = testFolder('replaced')
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  for (const file of ['same', 'twice', 'gone', 'long-ago']) write(`${file}.yaml`, 'first\n')
  const ledger = await Ledger.open(folder)
  const told = (since: number) =>
    [...replacedSince(ledger, since)].map(({ file, bytes }) => `${file} ${String(bytes).trim()}`)
  const changes: [number, () => void][] = [
    [1_010_000, () => write('long-ago.yaml', 'second\n')],
    [1_050_000, () => write('twice.yaml', 'second\n')],
    [1_055_000, () => [rmSync(join(folder, 'gone.yaml')), write('new.yaml', 'first\n')]],
    [1_056_000, () => [write('twice.yaml', 'third\n'), write('new.yaml', 'second\n')]],
  ]
  for (const [at, change] of changes) {
    vi.setSystemTime(at)
    change()
    await ledger.sync()
  }
  expect(told(1_050_000)).toEqual(['twice.yaml first', 'gone.yaml first', 'new.yaml first', 'twice.yaml second'])
  expect(told(1_055_500)).toEqual(['new.yaml first', 'twice.yaml second'])
  expect(told(1_060_000)).toEqual([])
  expect(readFileSync(join(folder, 'twice.yaml'), 'utf8')).toBe('third\n')
  await ledger.close()
})

test('what was edited by hand before the history was opened counts from then', async () => {
  const folder = testFolder('replaced')
  writeFileSync(join(folder, 'a.yaml'), 'first\n')
  await (await Ledger.open(folder)).close()
  writeFileSync(join(folder, 'a.yaml'), 'second\n')
  const ledger = await Ledger.open(folder)
  expect([...replacedSince(ledger, Date.now() - 15_000)].map(({ bytes }) => String(bytes))).toEqual(['first\n'])
  await ledger.close()
})
