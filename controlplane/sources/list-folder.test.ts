import { expect, test } from 'vitest'
import type { FileAccess, FolderEntry } from './file-access.ts'
import { eachOf, listFolder, type ToList } from './list-folder.ts'

/** A folder `/r` with these entries, whose links lead nowhere. */
function folder(...entries: readonly FolderEntry[]): FileAccess {
  const nowhere = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' })
  return {
    realPath: async (path: string) => path,
    list: async () => entries,
    entry: async (path: string) => entries.find(({ name }) => path === `/r/${name}`) ?? Promise.reject(nowhere),
    info: async (path: string) => (path.endsWith('link') ? Promise.reject(nowhere) : { kind: 'file', identity: path }),
    linkTarget: () => Promise.reject(nowhere),
  } as unknown as FileAccess
}

const file = (name: string): FolderEntry => ({ name, kind: 'file' })
const whole: ToList = { path: '/r', identity: '1:1', before: undefined, names: undefined }
const around = { entries: { found: 0, most: 10 }, wasFolder: () => true }
const pathsOf = (files: readonly { readonly path: string }[]) => files.map(({ path }) => path)

test('a folder that would make too many entries is as it was, and is looked at again', async () => {
  const before = (await listFolder(folder(file('a.yaml')), whole, around)).folder
  const access = folder(file('a.yaml'), file('b.yaml'))
  const tight = { ...around, entries: { found: 9, most: 10 } }
  const { folder: now, isFull } = await listFolder(access, { ...whole, before }, tight)
  expect(isFull).toBe(true)
  expect(now).toMatchObject({ files: [{ path: '/r/a.yaml', kept: true }], stale: true })
  expect(now.diagnostics.map(({ code }) => code)).toEqual(['SOURCE_TOO_MANY_FILES'])
})

test('a link that led to a folder and leads nowhere is named; one that never did is nothing', async () => {
  const access = folder(file('a.yaml'), { name: 'link', kind: 'link' })
  const { folder: now, lost } = await listFolder(access, whole, around)
  expect(lost).toEqual(['/r/link'])
  expect(now).toMatchObject({ files: [{ path: '/r/a.yaml' }], stale: true })
  const other = await listFolder(access, whole, { ...around, wasFolder: () => false })
  expect(other).toMatchObject({ lost: [], folder: { stale: false, diagnostics: [] } })
})

test('with names only those are looked at, and those that are gone go', async () => {
  const before = (await listFolder(folder(file('a.yaml'), file('b.yaml'), file('c.yaml')), whole, around)).folder
  const names = new Set(['b.yaml', 'd.yaml'])
  const access = folder(file('d.yaml'))
  const { folder: now } = await listFolder(access, { ...whole, before, names }, around)
  expect(pathsOf(now.files)).toEqual(['/r/a.yaml', '/r/c.yaml', '/r/d.yaml'])
})

test('no more than three files are looked at at a time', async () => {
  let running = 0
  let most = 0
  await eachOf([1, 2, 3, 4, 5, 6, 7], async () => {
    most = Math.max(most, ++running)
    await Promise.resolve()
    running--
  })
  expect(most).toBe(3)
})
