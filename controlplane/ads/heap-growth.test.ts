import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { growthFlag } from './heap-growth.ts'

test('V8 knows the flag: it has nothing to say of it', () => {
  const set = (flag: string) =>
    spawnSync(process.execPath, ['-e', `require('node:v8').setFlagsFromString('${flag}')`], { encoding: 'utf8' }).stderr
  expect(set(growthFlag)).toBe('')
  expect(set('--no-such-flag')).toContain('--no-such-flag')
})
