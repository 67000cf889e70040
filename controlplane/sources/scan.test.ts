import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FileAccess, nodeFileAccess } from './file-access.ts'
import { defaultStoreLimits } from './limits.ts'
import { type Dirty, type Scan, scan } from './scan.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'meshgate-scan-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(path: string, text = 'a: 1\n'): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const look = (last?: Scan, dirty?: Dirty, access: FileAccess = nodeFileAccess, limits = {}) =>
  scan([root], access, { ...defaultStoreLimits, ...limits }, last, dirty)
const found = (result: Scan) => [...result.files.keys()].map((path) => relative(root, path))
const codes = (result: Scan) => result.diagnostics.map((it) => `${it.code} ${relative(root, it.file)}`)

describe('a look', () => {
  test('finds files in any layout of folders, by path, and nothing hidden', async () => {
    for (const path of ['b.yaml', 'a/z.json', 'a/b/c/d.yml', '.git/x.yaml', 'a/.hidden.yaml', 'a/readme.md', 'B.yaml'])
      write(path)
    expect(found(await look())).toEqual(['B.yaml', 'a/b/c/d.yml', 'a/z.json', 'b.yaml'])
  })

  test('follows links to folders and to files', async () => {
    const other = mkdtempSync(join(tmpdir(), 'meshgate-other-'))
    writeFileSync(join(other, 'x.yaml'), 'a: 1\n')
    symlinkSync(other, join(root, 'linked'))
    symlinkSync(join(other, 'x.yaml'), join(root, 'y.yaml'))
    expect(found(await look())).toEqual(['linked/x.yaml'])
    rmSync(join(root, 'linked'))
    expect(found(await look())).toEqual(['y.yaml'])
    rmSync(other, { recursive: true })
  })

  test('passes over what npm keeps in a folder it is used in', async () => {
    for (const path of [
      'a.yaml',
      'package.json',
      'node_modules/x/package.json',
      'node_modules/x/y.yaml',
      'b/package-lock.json',
    ])
      write(path)
    expect(found(await look())).toEqual(['a.yaml'])
  })

  test('does not run in a loop of links, and says so', async () => {
    write('a/b/x.yaml')
    symlinkSync(root, join(root, 'a/b/up'))
    symlinkSync('self.yaml', join(root, 'self.yaml'))
    const result = await look()
    expect(found(result)).toEqual(['a/b/x.yaml'])
    expect(codes(result).sort()).toEqual(['SOURCE_SYMLINK_LOOP a/b/up', 'SOURCE_SYMLINK_LOOP self.yaml'])
  })

  test('enters a folder once, however many links cross', async () => {
    for (const name of ['a', 'b', 'c', 'd']) write(`${name}/x.yaml`)
    for (const from of ['a', 'b', 'c', 'd'])
      for (const to of ['a', 'b', 'c', 'd']) symlinkSync(join(root, to), join(root, from, `to-${to}`))
    const result = await look()
    expect(found(result)).toEqual(['a/x.yaml', 'b/x.yaml', 'c/x.yaml', 'd/x.yaml'])
    expect(codes(result)).toHaveLength(16)
  })

  test('gives a link up behind which very much is no configuration, says where it leads, and takes nothing of it', async () => {
    const other = mkdtempSync(join(tmpdir(), 'meshgate-other-'))
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) mkdirSync(join(other, 'deep', name), { recursive: true })
    writeFileSync(join(other, 'x.yaml'), 'a: 1\n')
    symlinkSync(other, join(root, 'wide'))
    write('linked-to/y.yaml')
    const limits = { entriesBehindLink: 6 }
    const result = await look(undefined, 'all', nodeFileAccess, limits)
    expect(found(result)).toEqual(['linked-to/y.yaml'])
    expect(result.diagnostics).toMatchObject([
      {
        code: 'SOURCE_TOO_MANY_FILES',
        file: join(root, 'wide'),
        message: expect.stringContaining(`leads to ${other}, with more than 6 entries`),
      },
    ])
    expect([...result.watch.keys()].filter((path) => path.startsWith(join(root, 'wide')))).toEqual([])
    // A change elsewhere does not walk it again.
    const listed: string[] = []
    const list = (path: string) => {
      listed.push(path)
      return nodeFileAccess.list(path)
    }
    write('linked-to/z.yaml')
    const dirty = new Map([[join(root, 'linked-to'), 'all' as const]])
    const second = await look(result, dirty, { ...nodeFileAccess, list }, limits)
    expect([found(second), codes(second)]).toEqual([
      ['linked-to/y.yaml', 'linked-to/z.yaml'],
      ['SOURCE_TOO_MANY_FILES wide'],
    ])
    expect(listed).toEqual([join(root, 'linked-to')])
    // When there is less of it, it is followed; when there is more again, what was in force stays.
    rmSync(join(other, 'deep/f'), { recursive: true })
    const third = await look(second, 'all', nodeFileAccess, limits)
    expect([found(third), codes(third)]).toEqual([['linked-to/y.yaml', 'linked-to/z.yaml', 'wide/x.yaml'], []])
    mkdirSync(join(other, 'deep/f'))
    const fourth = await look(third, 'all', nodeFileAccess, limits)
    expect(found(fourth)).toEqual(found(third))
    expect(codes(fourth)).toEqual(['SOURCE_TOO_MANY_FILES wide'])
    rmSync(other, { recursive: true })
  })

  test('links behind a link share what it may cost; configuration itself costs nothing of it', async () => {
    const other = mkdtempSync(join(tmpdir(), 'meshgate-other-'))
    const inner = ['one', 'two', 'three'].map((name) => {
      const folder = mkdtempSync(join(tmpdir(), `meshgate-${name}-`))
      for (let index = 0; index < 10; index++) writeFileSync(join(folder, `${index}.yaml`), 'a: 1\n')
      for (const more of ['a', 'b']) mkdirSync(join(folder, more))
      symlinkSync(folder, join(other, name))
      return folder
    })
    symlinkSync(other, join(root, 'farm'))
    const read = async (entriesBehindLink: number) =>
      await look(undefined, 'all', nodeFileAccess, { entriesBehindLink })
    const all = await read(9)
    expect([found(all).length, codes(all)]).toEqual([30, []])
    const some = await read(7)
    // By path: one, three, two.
    expect([found(some).length, codes(some)]).toEqual([20, ['SOURCE_TOO_MANY_FILES farm/two']])
    for (const folder of [other, ...inner]) rmSync(folder, { recursive: true })
  })

  test('reads a file behind several links once, under its real path if that is below a root', async () => {
    write('z.yaml')
    symlinkSync('z.yaml', join(root, 'a.yaml'))
    const result = await look()
    expect(found(result)).toEqual(['z.yaml'])
    expect(codes(result)).toEqual(['SOURCE_SAME_FILE a.yaml'])
  })

  test('with dirty names looks at those only, and finds the same as a full look', async () => {
    for (const path of ['a/x.yaml', 'a/y.yaml', 'b/x.yaml']) write(path)
    const first = await look()
    write('a/y.yaml', 'a: 22\n')
    write('a/new/deep.yaml')
    rmSync(join(root, 'a/x.yaml'))
    write('b/unseen.yaml')
    const calls: string[] = []
    const counting = {
      ...nodeFileAccess,
      list: (path: string) => {
        calls.push(relative(root, path))
        return nodeFileAccess.list(path)
      },
    }
    const second = await look(first, new Map([[join(root, 'a'), new Set(['x.yaml', 'y.yaml', 'new'])]]), counting)
    expect(found(second)).toEqual(['a/new/deep.yaml', 'a/y.yaml', 'b/x.yaml'])
    expect(calls).toEqual(['a/new'])
    const full = await look(second)
    expect(full.files.get(join(root, 'a/y.yaml'))).toEqual(second.files.get(join(root, 'a/y.yaml')))
    expect(found(full)).toContain('b/unseen.yaml')
  })

  test('watches folders, the parent of a root for its name only, and where links lead', async () => {
    const other = mkdtempSync(join(tmpdir(), 'meshgate-other-'))
    writeFileSync(join(other, 'x.yaml'), 'a: 1\n')
    write('a/b/x.yaml')
    symlinkSync(join(other, 'x.yaml'), join(root, 'a/y.yaml'))
    const { watch } = await look()
    expect(watch.get(root)?.get(root)).toBeUndefined()
    expect([...(watch.get(dirname(root)) ?? [])]).toEqual([[root, root.slice(dirname(root).length + 1)]])
    expect([...(watch.get(other)?.keys() ?? [])]).toEqual([join(root, 'a')])
    expect([...watch.keys()].sort()).toEqual([dirname(root), root, join(root, 'a'), join(root, 'a/b'), other].sort())
    rmSync(other, { recursive: true })
  })
})

describe('what cannot be looked at keeps what was there', () => {
  const failing = (path: string, code: string): FileAccess => {
    const fail = async (at: string) => {
      if (at === join(root, path)) throw Object.assign(new Error(code), { code })
    }
    return {
      ...nodeFileAccess,
      list: (at) => fail(at).then(() => nodeFileAccess.list(at)),
      info: (at) => fail(at).then(() => nodeFileAccess.info(at)),
    }
  }

  test('a root that is gone, and one that is replaced by an empty folder', async () => {
    write('a/x.yaml')
    const first = await look()
    renameSync(root, `${root}-away`)
    const second = await look(first)
    expect([found(second), codes(second)]).toEqual([['a/x.yaml'], ['SOURCE_FOLDER_GONE ']])
    mkdirSync(root)
    const third = await look(second)
    expect([found(third), codes(third)]).toEqual([['a/x.yaml'], ['SOURCE_FOLDER_GONE ']])
    write('y.yaml')
    const fourth = await look(third)
    expect([found(fourth), codes(fourth)]).toEqual([['y.yaml'], []])
    rmSync(`${root}-away`, { recursive: true })
  })

  test('a root that is emptied is empty', async () => {
    write('x.yaml')
    const first = await look()
    rmSync(join(root, 'x.yaml'))
    const second = await look(first)
    expect([found(second), codes(second)]).toEqual([[], []])
  })

  test.each(['EACCES', 'EIO'])('a folder that gives %s, until it can be listed again', async (code) => {
    write('a/b/x.yaml')
    write('c.yaml')
    const first = await look()
    const second = await look(first, 'all', failing('a', code))
    expect([found(second), codes(second)]).toEqual([['a/b/x.yaml', 'c.yaml'], ['SOURCE_UNREADABLE a']])
    const third = await look(second, new Map(), failing('a', code))
    expect([found(third), codes(third)]).toEqual([['a/b/x.yaml', 'c.yaml'], ['SOURCE_UNREADABLE a']])
    const fourth = await look(third, new Map())
    expect([found(fourth), codes(fourth)]).toEqual([['a/b/x.yaml', 'c.yaml'], []])
  })

  test('a folder on another device that is empty now: a mount that went away', async () => {
    write('m/x.yaml')
    const first = await look()
    const unmounted: FileAccess = {
      ...nodeFileAccess,
      list: async (at) => (at === join(root, 'm') ? [] : nodeFileAccess.list(at)),
      info: async (at) => {
        const info = await nodeFileAccess.info(at)
        return at === join(root, 'm') ? { ...info, identity: `other:${info.identity}` } : info
      },
    }
    const second = await look(first, 'all', unmounted)
    expect([found(second), codes(second)]).toEqual([['m/x.yaml'], ['SOURCE_FOLDER_GONE m']])
    expect(codes(await look(second))).toEqual([])
  })

  test('a link to a folder that leads nowhere now', async () => {
    const other = mkdtempSync(join(tmpdir(), 'meshgate-other-'))
    writeFileSync(join(other, 'x.yaml'), 'a: 1\n')
    symlinkSync(other, join(root, 'l'))
    const first = await look()
    rmSync(other, { recursive: true })
    const second = await look(first)
    expect([found(second), codes(second)]).toEqual([['l/x.yaml'], ['SOURCE_UNREADABLE l']])
    const third = await look(second, new Map())
    expect([found(third), codes(third)]).toEqual([['l/x.yaml'], ['SOURCE_UNREADABLE l']])
    mkdirSync(other)
    writeFileSync(join(other, 'x.yaml'), 'a: 2\n')
    const fourth = await look(third, new Map())
    expect([found(fourth), codes(fourth)]).toEqual([['l/x.yaml'], []])
    rmSync(other, { recursive: true })
  })
})

describe('limits', () => {
  test('on the number of files: those that were there stay, new ones are refused with their number', async () => {
    for (const name of ['m', 'n', 'o']) write(`${name}.yaml`)
    const first = await look(undefined, 'all', nodeFileAccess, { files: 3 })
    write('a.yaml')
    write('b.yaml')
    const second = await look(first, 'all', nodeFileAccess, { files: 3 })
    expect(found(second)).toEqual(['m.yaml', 'n.yaml', 'o.yaml'])
    expect(second.diagnostics).toMatchObject([
      {
        code: 'SOURCE_TOO_MANY_FILES',
        file: join(root, 'a.yaml'),
        message: 'more than 3 files: 2 files are not read, this is the first',
      },
    ])
  })

  test('on the size of all files together', async () => {
    write('a.yaml', 'a: 1\n'.repeat(10))
    write('b.yaml', 'a: 1\n'.repeat(10))
    const result = await look(undefined, 'all', nodeFileAccess, { totalBytes: 60 })
    expect([found(result), codes(result)]).toEqual([['a.yaml'], ['SOURCE_TOO_MANY_FILES b.yaml']])
  })

  test('on entries of any kind: what was there stays', async () => {
    write('a/x.yaml')
    write('b/y.yaml')
    const first = await look()
    for (let i = 0; i < 20; i++) write(`a/${i}.txt`)
    const second = await look(first, 'all', nodeFileAccess, { entries: 10 })
    expect(found(second)).toEqual(['a/x.yaml', 'b/y.yaml'])
    expect(codes(second)).toEqual(['SOURCE_TOO_MANY_FILES a'])
  })
})
