import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { testFolder } from '../../../test/helpers/folders.ts'
import { STATE_FOLDER } from '../../ledger/index.ts'
import { folderBeside, mendCopy, takePlace } from './copy-folders.ts'

let mirror: string
const copyIn = (folder: string, text: string) => {
  mkdirSync(join(folder, STATE_FOLDER), { recursive: true })
  writeFileSync(join(folder, STATE_FOLDER, 'text'), text)
}
const present = () => readFileSync(join(mirror, STATE_FOLDER, 'text'), 'utf8')

beforeEach(() => {
  mirror = testFolder('copy')
  copyIn(mirror, 'old')
})

test('another copy takes the place of the one there is, and nothing else is left', () => {
  copyIn(folderBeside(mirror), 'new')
  expect(present()).toBe('old')
  takePlace(mirror)
  expect(present()).toBe('new')
  expect(readdirSync(mirror)).toEqual([STATE_FOLDER])
})

test('what an earlier try left beside is not part of the next', () => {
  copyIn(folderBeside(mirror), 'half')
  expect(existsSync(join(folderBeside(mirror), STATE_FOLDER))).toBe(false)
})

test('killed between its two steps, the former copy is back; killed after them, the new one stays', () => {
  copyIn(folderBeside(mirror), 'new')
  renameSync(join(mirror, STATE_FOLDER), join(mirror, 'former'))
  mendCopy(mirror)
  expect(present()).toBe('old')
  takePlace(mirror)
  copyIn(join(mirror, 'left'), 'old')
  renameSync(join(mirror, 'left', STATE_FOLDER), join(mirror, 'former'))
  mendCopy(mirror)
  expect(present()).toBe('new')
  expect(existsSync(join(mirror, 'former'))).toBe(false)
})
