import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { eventually } from '../../test/helpers/eventually.ts'
import { type FileAccess, nodeFileAccess } from './file-access.ts'
import { FileStore, type FileStoreOptions } from './file-store.ts'
import type { SourceSnapshot } from './source.ts'
import type { WatchFolders } from './watch.ts'

let base: string
let root: string
const stores: FileStore[] = []

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'meshgate-store-'))
  root = join(base, 'conf')
  mkdirSync(root)
})
afterEach(async () => {
  for (const store of stores.splice(0)) await store.stop()
  rmSync(base, { recursive: true, force: true })
})

function write(path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** Short times, so that tests need not wait; long ones between looks, so that watching alone has to find changes. */
async function start(options: Partial<FileStoreOptions> = {}) {
  const store = new FileStore({ paths: root, debounceMs: 30, graceMs: 300, rescanMs: 3_600_000, ...options })
  stores.push(store)
  await store.start()
  const worlds: SourceSnapshot[] = [store.snapshot]
  store.onChange((snapshot) => worlds.push(snapshot))
  return { store, worlds }
}

const names = (snapshot: SourceSnapshot) =>
  snapshot.documents.map((it) => `${relative(root, it.file)}:${(it.value as { n: unknown }).n}`)
const codes = (snapshot: SourceSnapshot) => snapshot.diagnostics.map((it) => `${it.code} ${relative(root, it.file)}`)
const until = (check: () => void) => eventually(check)

describe('start', () => {
  test('resolves with every document, by path and position', async () => {
    write('b.yaml', 'n: 3\n')
    write('a/x.yml', 'n: 1\n---\nn: 2\n')
    write('c.json', '{"n": 4}')
    const { store } = await start()
    expect(names(store.snapshot)).toEqual(['a/x.yml:1', 'a/x.yml:2', 'b.yaml:3', 'c.json:4'])
    expect(await store.start()).toBe(store.snapshot)
  })

  test('rejects when a path does not exist, with all that are missing, and can be tried again', async () => {
    const store = new FileStore({ paths: [root, join(base, 'no'), join(base, 'nor.yaml')] })
    stores.push(store)
    await expect(store.start()).rejects.toThrow(
      /^cannot read configuration from .*no: there is nothing at this path .*\n.*nor\.yaml/,
    )
    mkdirSync(join(base, 'no'))
    writeFileSync(join(base, 'nor.yaml'), 'n: 1\n')
    expect((await store.start()).documents).toHaveLength(1)
  })

  test('does not reject for what is wrong with single files', async () => {
    write('a.yaml', 'n: 1\n')
    write('bad.yaml', 'n: "\n')
    write('binary.yaml', Buffer.from([0, 1, 2]))
    symlinkSync('nowhere', join(root, 'dangling.yaml'))
    execFileSync('mkfifo', [join(root, 'pipe.yaml')])
    const { store } = await start()
    expect(names(store.snapshot)).toEqual(['a.yaml:1'])
    expect(codes(store.snapshot).sort()).toEqual([
      'SOURCE_ENCODING binary.yaml',
      'SOURCE_UNREADABLE dangling.yaml',
      'SOURCE_UNREADABLE pipe.yaml',
      'SOURCE_YAML_SYNTAX bad.yaml',
    ])
  })

  test('does not read a file of 50 MB', async () => {
    write('big.yaml', '')
    truncateSync(join(root, 'big.yaml'), 50 * 1024 * 1024)
    const read = vi.fn(nodeFileAccess.read)
    const { store } = await start({ access: { ...nodeFileAccess, read } })
    expect(store.snapshot.diagnostics).toMatchObject([
      { code: 'SOURCE_TOO_LARGE', message: 'the file is 50 MiB, 40 MiB more than the limit of 10 MiB' },
    ])
    expect(read).not.toHaveBeenCalled()
  })

  test('takes single files of any name, beside folders', async () => {
    writeFileSync(join(base, 'settings'), 'n: 1\n')
    write('a.yaml', 'n: 2\n')
    const { store } = await start({ paths: [join(base, 'settings'), `${root}/`] })
    expect(names(store.snapshot).sort()).toEqual(['../settings:1', 'a.yaml:2'])
    writeFileSync(join(base, 'settings'), 'n: 3\n')
    await until(() => expect(names(store.snapshot)).toContain('../settings:3'))
  })

  test('once, without watching, is FileStore.read', async () => {
    write('a.yaml', 'n: 1\n')
    expect(names(await FileStore.read({ paths: root }))).toEqual(['a.yaml:1'])
  })
})

describe('watching', () => {
  test('finds additions, edits, renames, deletions and new folders', async () => {
    const { store } = await start()
    write('a.yaml', 'n: 1\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:1']))
    write('a.yaml', 'n: 2\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:2']))
    write('new/deep/b.yaml', 'n: 3\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:2', 'new/deep/b.yaml:3']))
    write('new/deep/b.yaml', 'n: 4\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:2', 'new/deep/b.yaml:4']))
    renameSync(join(root, 'new'), join(root, 'moved'))
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:2', 'moved/deep/b.yaml:4']))
    rmSync(join(root, 'a.yaml'))
    await until(() => expect(names(store.snapshot)).toEqual(['moved/deep/b.yaml:4']))
    rmSync(join(root, 'moved'), { recursive: true })
    await until(() => expect(names(store.snapshot)).toEqual([]))
  })

  test('a rename, and the way editors save by one, is a single step', async () => {
    write('a.yaml', 'n: 1\n')
    const { store, worlds } = await start()
    renameSync(join(root, 'a.yaml'), join(root, 'b.yaml'))
    await until(() => expect(names(store.snapshot)).toEqual(['b.yaml:1']))
    writeFileSync(join(root, 'b.yaml~'), 'n: 1\n')
    rmSync(join(root, 'b.yaml'))
    writeFileSync(join(root, '4913'), '')
    writeFileSync(join(root, '.b.yaml.swp'), 'n: 9\n')
    writeFileSync(join(root, 'b.yaml'), 'n: 2\n')
    await until(() => expect(names(store.snapshot)).toEqual(['b.yaml:2']))
    expect(worlds.map(names)).toEqual([['a.yaml:1'], ['b.yaml:1'], ['b.yaml:2']])
  })

  test('many changes at once are one batch', async () => {
    for (let i = 0; i < 20; i++) write(`${i}.yaml`, 'n: 1\n')
    const { store, worlds } = await start()
    for (let i = 0; i < 20; i++) write(`${i}.yaml`, 'n: 2\n')
    await until(() => expect(names(store.snapshot).every((name) => name.endsWith(':2'))).toBe(true))
    expect(worlds).toHaveLength(2)
  })

  test('reads changed files only, and keeps the objects of the others', async () => {
    write('a.yaml', 'n: 1\n')
    write('b.yaml', 'n: 1\n')
    const read = vi.fn(nodeFileAccess.read)
    const { store, worlds } = await start({ access: { ...nodeFileAccess, read } })
    await store.refresh()
    read.mockClear()
    write('b.yaml', 'n: 2\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:1', 'b.yaml:2']))
    expect(store.snapshot.documents[0]).toBe(worlds[0]?.documents[0])
    expect(read.mock.calls.every(([path]) => path === join(root, 'b.yaml'))).toBe(true)
  })

  test('a write that changes nothing tells nobody', async () => {
    write('a.yaml', 'n: 1\n')
    const { store, worlds } = await start()
    write('a.yaml', 'n: 1\n')
    await store.refresh()
    expect(worlds).toHaveLength(1)
  })

  test('sees the content of a linked file change elsewhere', async () => {
    writeFileSync(join(base, 'target'), 'n: 1\n')
    symlinkSync('../target', join(root, 'a.yaml'))
    const { store } = await start()
    writeFileSync(join(base, 'target'), 'n: 2\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:2']))
  })

  test('a mounted ConfigMap changes as a whole', async () => {
    const version = (n: number) => {
      const folder = `..2024_${n}`
      for (const name of ['a', 'b', 'c']) write(`${folder}/${name}.yaml`, `n: ${n}\n`)
      return folder
    }
    symlinkSync(version(1), join(root, '..data'))
    for (const name of ['a', 'b', 'c']) symlinkSync(`..data/${name}.yaml`, join(root, `${name}.yaml`))
    const { store, worlds } = await start()
    expect(names(store.snapshot)).toEqual(['a.yaml:1', 'b.yaml:1', 'c.yaml:1'])
    for (let n = 2; n < 5; n++) {
      symlinkSync(version(n), join(root, '..data_tmp'))
      renameSync(join(root, '..data_tmp'), join(root, '..data'))
      rmSync(join(root, `..2024_${n - 1}`), { recursive: true })
      await until(() => expect(names(store.snapshot)).toEqual([`a.yaml:${n}`, `b.yaml:${n}`, `c.yaml:${n}`]))
    }
    expect(worlds.map((world) => new Set(world.documents.map((it) => (it.value as { n: number }).n)).size)).toEqual([
      1, 1, 1, 1,
    ])
    expect(worlds.flatMap(codes)).toEqual([])
  })

  test('finds by looking what no event told', async () => {
    write('a.yaml', 'n: 1\n')
    const deaf: WatchFolders = () => ({ update: () => [], close: () => undefined })
    const { store } = await start({ watch: deaf, rescanMs: 100 })
    await sleep(60)
    write('a.yaml', 'n: 2\n')
    write('b/c.yaml', 'n: 3\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:2', 'b/c.yaml:3']))
  })

  test('looks instead of watching with pollMs, and when the system refuses to watch', async () => {
    write('a.yaml', 'n: 1\n')
    const never: WatchFolders = () => {
      throw new Error('not to be called')
    }
    const polling = await start({ watch: never, pollMs: 50 })
    const refusing: WatchFolders = (_, onError) => ({
      update: (folders) => {
        for (const folder of folders.keys()) onError(folder, 'ENOSPC')
        return []
      },
      close: () => undefined,
    })
    const refused = await start({ watch: refusing })
    await until(() => expect(codes(refused.store.snapshot)).toEqual(['SOURCE_WATCH_LIMITED ..']))
    write('a.yaml', 'n: 2\n')
    await until(() => expect(names(polling.store.snapshot)).toEqual(['a.yaml:2']))
    await until(() => expect(names(refused.store.snapshot)).toEqual(['a.yaml:2']))
  })

  test('ends with stop: no listener is called, nothing is left open', async () => {
    write('a.yaml', 'n: 1\n')
    const { store, worlds } = await start()
    const resources = () =>
      process.getActiveResourcesInfo().filter((it) => it === 'FSEventWrap' || it === 'Timeout').length
    const open = resources()
    await store.stop()
    await store.stop()
    expect(resources()).toBeLessThan(open)
    write('a.yaml', 'n: 2\n')
    await sleep(150)
    expect(worlds).toHaveLength(1)
    await expect(store.refresh()).rejects.toThrow('stopped')
  })

  test('a subscription that ended is not called', async () => {
    const { store } = await start()
    const listener = vi.fn()
    store.onChange(listener)()
    write('a.yaml', 'n: 1\n')
    await store.refresh()
    expect(listener).not.toHaveBeenCalled()
  })
})

describe('what is in force is not lost', () => {
  const three = 'n: 1\n---\nn: 2\n---\nn: 3\n'

  test('while a file is written in pieces', async () => {
    write('a.yaml', three)
    const { store, worlds } = await start()
    const file = openSync(join(root, 'a.yaml'), 'r+')
    ftruncateSync(file, 0)
    const text = 'n: 11\n---\nn: 12\n---\nn: 13\n---\nn: 14\n'
    for (let at = 0; at < text.length; at += 6) {
      await sleep(50)
      writeSync(file, text.slice(at, at + 6))
    }
    closeSync(file)
    await until(() => expect(names(store.snapshot)).toContain('a.yaml:14'))
    expect(Math.min(...worlds.map((it) => it.documents.length))).toBe(3)
  })

  test('while a file is empty, for the time of grace; then empty is empty', async () => {
    write('a.yaml', three)
    const { store, worlds } = await start({ graceMs: 500 })
    truncateSync(join(root, 'a.yaml'), 0)
    await sleep(200)
    expect(store.snapshot.documents).toHaveLength(3)
    write('a.yaml', 'n: 5\n---\nn: 6\n---\nn: 7\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:5', 'a.yaml:6', 'a.yaml:7']))
    truncateSync(join(root, 'a.yaml'), 0)
    await until(() => expect(store.snapshot.documents).toHaveLength(0))
    expect(worlds).toHaveLength(3)
  })

  test('when a document or a file becomes unreadable text', async () => {
    write('a.yaml', three)
    const { store } = await start()
    write('a.yaml', three.replace('n: 2', 'n: "'))
    await until(() => expect(codes(store.snapshot)).toEqual(['SOURCE_YAML_SYNTAX a.yaml']))
    expect(names(store.snapshot)).toEqual(['a.yaml:1', 'a.yaml:2', 'a.yaml:3'])
    write('a.yaml', Buffer.from([0xff, 0xfe, 0x00]))
    await until(() => expect(codes(store.snapshot)).toEqual(['SOURCE_ENCODING a.yaml']))
    expect(names(store.snapshot)).toEqual(['a.yaml:1', 'a.yaml:2', 'a.yaml:3'])
    truncateSync(join(root, 'a.yaml'), 11 * 1024 * 1024)
    await until(() => expect(codes(store.snapshot)).toEqual(['SOURCE_TOO_LARGE a.yaml']))
    expect(store.snapshot.documents).toHaveLength(3)
    write('a.yaml', three.replace('3', '4'))
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:1', 'a.yaml:2', 'a.yaml:4']))
    expect(codes(store.snapshot)).toEqual([])
  })

  test.each(['EACCES', 'EIO'])('when reading a file gives %s; it is tried again', async (code) => {
    write('a.yaml', 'n: 1\n')
    let broken = false
    const access: FileAccess = {
      ...nodeFileAccess,
      read: async (path, max) => {
        if (broken) throw Object.assign(new Error(code), { code })
        return nodeFileAccess.read(path, max)
      },
    }
    const { store } = await start({ access, rescanMs: 150 })
    await sleep(60)
    broken = true
    write('a.yaml', 'n: 2\n')
    await until(() => expect(codes(store.snapshot)).toEqual(['SOURCE_UNREADABLE a.yaml']))
    expect(names(store.snapshot)).toEqual(['a.yaml:1'])
    expect(store.snapshot.diagnostics[0]?.message).toContain(code)
    broken = false
    await until(() => expect(names(store.snapshot)).toEqual(['a.yaml:2']))
    expect(codes(store.snapshot)).toEqual([])
  })

  test('when a folder takes the place of a file', async () => {
    write('a.yaml', 'n: 1\n')
    const { store } = await start()
    rmSync(join(root, 'a.yaml'))
    mkdirSync(join(root, 'a.yaml'))
    await until(() => expect(codes(store.snapshot)).toEqual(['SOURCE_UNREADABLE a.yaml']))
    expect(names(store.snapshot)).toEqual(['a.yaml:1'])
  })

  test('when the folder disappears; it is taken up again when it comes back', async () => {
    write('a/b.yaml', 'n: 1\n')
    write('c.yaml', 'n: 2\n')
    const { store, worlds } = await start()
    renameSync(root, `${root}-away`)
    await until(() => expect(codes(store.snapshot)).toEqual(['SOURCE_FOLDER_GONE ']))
    expect(names(store.snapshot)).toEqual(['a/b.yaml:1', 'c.yaml:2'])
    mkdirSync(root)
    await store.refresh()
    expect(names(store.snapshot)).toEqual(['a/b.yaml:1', 'c.yaml:2'])
    rmSync(root, { recursive: true })
    renameSync(`${root}-away`, root)
    await until(() => expect(codes(store.snapshot)).toEqual([]))
    write('c.yaml', 'n: 3\n')
    await until(() => expect(names(store.snapshot)).toEqual(['a/b.yaml:1', 'c.yaml:3']))
    expect(Math.min(...worlds.map((it) => it.documents.length))).toBe(2)
  })

  test('when a folder is deleted and made again at once, which may give it the same inode', async () => {
    write('z.yaml', 'n: 0\n')
    const { store } = await start({ debounceMs: 10, graceMs: 30 })
    for (let i = 1; i <= 20; i++) {
      write('d/b.yaml', `n: ${i}\n`)
      await until(() => expect(names(store.snapshot)).toEqual([`d/b.yaml:${i}`, 'z.yaml:0']))
      rmSync(join(root, 'd'), { recursive: true })
      write('d/e/a.yaml', `n: ${i}\n`)
      await until(() => expect(names(store.snapshot)).toEqual([`d/e/a.yaml:${i}`, 'z.yaml:0']))
      rmSync(join(root, 'd/e'), { recursive: true })
    }
  }, 60_000)

  test('when the whole folder is deleted with everything in it', async () => {
    for (let i = 0; i < 30; i++) write(`${i % 3}/${i}.yaml`, `n: ${i}\n`)
    const { store, worlds } = await start()
    rmSync(root, { recursive: true })
    await until(() => expect(codes(store.snapshot)).toEqual(['SOURCE_FOLDER_GONE ']))
    expect(Math.min(...worlds.map((it) => it.documents.length))).toBe(30)
  })

  test('in files that were there when too many new ones come', async () => {
    write('b.yaml', 'n: 1\n')
    const { store } = await start({ limits: { files: 2 } })
    for (const name of ['a', 'c', 'd']) write(`${name}.yaml`, 'n: 2\n')
    await until(() => expect(codes(store.snapshot)).toHaveLength(1))
    expect(names(store.snapshot)).toContain('b.yaml:1')
    expect(store.snapshot.documents).toHaveLength(2)
  })
})

describe('in any order of things', () => {
  test('creating, renaming and deleting ends with what a fresh reading gives', async () => {
    const path = fc.constantFrom('a.yaml', 'b.yaml', 'd/a.yaml', 'd/b.yaml', 'd/e/a.yaml', '.hidden.yaml', 'x.txt')
    const text = fc.constantFrom('n: 1\n', 'n: 2\n---\nn: 3\n', 'n: 4', '', 'n: yes\n')
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), path, text }),
      fc.record({ do: fc.constant('append' as const), path, text: fc.constant('---\nn: 5\n') }),
      fc.record({ do: fc.constant('rename' as const), path, to: path }),
      fc.record({ do: fc.constant('delete' as const), path: fc.oneof(path, fc.constantFrom('d', 'd/e')) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 10, 40) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 20 }), async (steps) => {
        rmSync(root, { recursive: true, force: true })
        mkdirSync(root)
        const { store } = await start({ debounceMs: 10, graceMs: 30 })
        for (const it of steps) {
          if (it.do === 'wait') await sleep(it.ms)
          else if (it.do === 'delete') rmSync(join(root, it.path), { recursive: true, force: true })
          else if (it.do === 'rename') {
            mkdirSync(dirname(join(root, it.to)), { recursive: true })
            try {
              renameSync(join(root, it.path), join(root, it.to))
            } catch {
              // The generated source is not there at the moment: nothing to rename.
            }
          } else if (it.do === 'append') {
            mkdirSync(dirname(join(root, it.path)), { recursive: true })
            appendFileSync(join(root, it.path), it.text)
          } else write(it.path, it.text)
        }
        const expected = await FileStore.read({ paths: root })
        await until(() => {
          expect(store.snapshot.documents).toEqual(expected.documents)
          expect(codes(store.snapshot)).toEqual(codes(expected))
        })
        await store.stop()
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  test('writing a file piece by piece never shows fewer documents than before and after', async () => {
    const documents = (count: number, n: number) =>
      Array.from({ length: count }, (_, i) => `n: ${n}${i}\ntext: |\n  some text\n`).join('---\n')
    const cuts = fc.array(fc.nat(400), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        cuts,
        async (before, after, at) => {
          rmSync(root, { recursive: true, force: true })
          write('a.yaml', documents(before, 1))
          write('b.yaml', 'n: 0\n')
          const { store, worlds } = await start({ debounceMs: 20, graceMs: 500 })
          const text = documents(after, 2)
          const points = [0, ...at.map((it) => it % text.length).sort((a, b) => a - b), text.length]
          const file = openSync(join(root, 'a.yaml'), 'r+')
          ftruncateSync(file, 0)
          for (const [index, point] of points.slice(1).entries()) {
            writeSync(file, text.slice(points[index], point))
            await sleep(30)
          }
          closeSync(file)
          await until(() => expect(names(store.snapshot)).toContain(`a.yaml:2${after - 1}`))
          await until(() => expect(store.snapshot.documents).toHaveLength(after + 1))
          expect(Math.min(...worlds.map((it) => it.documents.length))).toBeGreaterThanOrEqual(
            Math.min(before, after) + 1,
          )
          await store.stop()
        },
      ),
      { numRuns: 12 },
    )
  }, 60_000)
})

test('options out of range are refused', () => {
  expect(() => new FileStore({ paths: [] })).toThrow(RangeError)
  expect(() => new FileStore({ paths: 'x', debounceMs: 1001 })).toThrow('debounceMs must be from 0 to 1000, not 1001')
})
