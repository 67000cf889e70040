import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testFolder } from '../../test/helpers/folders.ts'
import { FolderLock } from './folder-lock.ts'

const self = { pid: 17, api: '127.0.0.1:18080' }

test('one has the folder, others are told who; it is free again when that one lets go', () => {
  const root = testFolder('lock')
  const first = FolderLock.take(root, self)
  expect(first).toBeInstanceOf(FolderLock)
  expect(FolderLock.take(root, { pid: 18 })).toEqual({ keeper: self })
  ;(first as FolderLock).release()
  expect(FolderLock.take(root, { pid: 18 })).toBeInstanceOf(FolderLock)
})

test('who has it is not known where its file says nothing', () => {
  const root = testFolder('lock')
  FolderLock.take(root, self)
  writeFileSync(join(root, '.meshgate', 'keeper.json'), '{')
  expect(FolderLock.take(root, { pid: 18 })).toEqual({ keeper: undefined })
})
