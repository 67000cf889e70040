import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolders } from './make-folders.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshgate-folders-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('folders on the way', () => {
  it('are made, and those that are there are left', async () => {
    const path = join(folder, 'a/b/c')
    await makeFolders(path)
    await writeFile(join(path, 'kept'), '')
    await makeFolders(path)
    expect((await stat(join(path, 'kept'))).isFile()).toBe(true)
  })

  it('end where a file or a link to nothing stands', async () => {
    await writeFile(join(folder, 'file'), '')
    await symlink(join(folder, 'nowhere'), join(folder, 'link'))
    await expect(makeFolders(join(folder, 'file'))).rejects.toThrow('EEXIST')
    await expect(makeFolders(join(folder, 'file', 'a'))).rejects.toThrow('ENOTDIR')
    await expect(makeFolders(join(folder, 'link', 'a'))).rejects.toThrow('EEXIST')
  })

  it('are given up where nothing can be made, though all above is there', async () => {
    await expect(makeFolders('/proc/nothing/here')).rejects.toThrow('/proc')
  })
})
