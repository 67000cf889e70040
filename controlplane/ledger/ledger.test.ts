import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../../test/helpers/eventually.ts'
import { Audit, ConflictError, contentHash, type FileChange, Ledger, nameProblem, openDatabase } from './index.ts'

let root: string
let ledger: Ledger

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'meshgate-ledger-'))
  put('a.yaml', 'a: 1\n')
  ledger = await Ledger.open(root)
})
afterEach(async () => {
  await ledger.close()
  rmSync(root, { recursive: true })
})

function put(file: string, text: string | Uint8Array): void {
  writeFileSync(join(root, file), text)
}
const onDisk = (file: string) => readFileSync(join(root, file), 'utf8')
const change = (file: string, text: string | undefined): FileChange => ({
  file,
  bytes: text === undefined ? undefined : Buffer.from(text),
})
const apply = (changes: readonly FileChange[], expected: Record<string, string | undefined> = {}) =>
  ledger.apply(changes, {
    who: 'ann',
    why: 'because',
    source: 'api',
    expected: new Map(
      Object.entries(expected).map(([file, text]) => [
        file,
        text === undefined ? undefined : contentHash(Buffer.from(text)),
      ]),
    ),
  })

describe('history', () => {
  test('begins with what is there, and lies in a hidden folder only its owner can read', () => {
    expect(ledger.head).toBe(1)
    expect(ledger.revision(1)).toMatchObject({ who: 'files', source: 'files', files: [{ file: 'a.yaml' }] })
    expect(statSync(join(root, '.meshgate')).mode & 0o777).toBe(0o700)
    expect(statSync(join(root, '.meshgate/ledger.db')).mode & 0o777).toBe(0o600)
  })

  test('an apply writes the files and is a revision', async () => {
    const revision = await apply([change('a.yaml', 'a: 2\n'), change('new/b.yaml', 'b\n')], { 'a.yaml': 'a: 1\n' })
    expect(revision).toMatchObject({ id: 2, parent: 1, who: 'ann', why: 'because', source: 'api' })
    expect(revision.files.map(({ file, before }) => [file, before !== undefined])).toEqual([
      ['a.yaml', true],
      ['new/b.yaml', false],
    ])
    expect([onDisk('a.yaml'), onDisk('new/b.yaml')]).toEqual(['a: 2\n', 'b\n'])
    expect([ledger.read('a.yaml', 1)?.toString(), ledger.read('a.yaml')?.toString()]).toEqual(['a: 1\n', 'a: 2\n'])
    expect([ledger.read('new/b.yaml', 1), ledger.read('new/b.yaml', 2)?.toString()]).toEqual([undefined, 'b\n'])
  })

  test('edits, new files and deletions by hand are recorded, once', async () => {
    put('a.yaml', 'a: by hand\n')
    put('b.yml', 'b\n')
    put('notes.txt', 'no configuration')
    expect((await ledger.sync())?.files.map(({ file }) => file)).toEqual(['a.yaml', 'b.yml'])
    expect(await ledger.sync()).toBeUndefined()
    unlinkSync(join(root, 'b.yml'))
    expect((await ledger.sync())?.files).toMatchObject([{ file: 'b.yml', after: undefined }])
    expect(ledger.head).toBe(3)
  })

  test('what was edited while nobody looked is recorded at the next start', async () => {
    await ledger.close()
    put('a.yaml', 'a: 9\n')
    ledger = await Ledger.open(root)
    expect(ledger.revision(2)).toMatchObject({ source: 'files', who: 'files' })
    expect(ledger.read('a.yaml', 1)?.toString()).toBe('a: 1\n')
  })

  test('going back restores bytes exactly, whatever they are', async () => {
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a, 0xff, 0x00, 0x0a])
    put('a.yaml', bytes)
    await ledger.sync()
    await apply([change('a.yaml', 'text\n'), change('b.yaml', 'b\n')])
    await ledger.apply(
      [
        { file: 'a.yaml', bytes: ledger.read('a.yaml', 2) },
        { file: 'b.yaml', bytes: ledger.read('b.yaml', 2) },
      ],
      { who: 'ann', why: 'back', source: 'rollback', refers: 2, expected: new Map() },
    )
    expect(readFileSync(join(root, 'a.yaml'))).toEqual(bytes)
    expect(readdirSync(root).filter((name) => !name.startsWith('.'))).toEqual(['a.yaml'])
    expect(ledger.revision(4)).toMatchObject({ source: 'rollback', refers: 2 })
  })

  test('filters, and the tree of any revision', async () => {
    await apply([change('b.yaml', '1')])
    await apply([change('b.yaml', '2'), change('a.yaml', undefined)])
    const ids = (filter: object) => ledger.revisions({ limit: 10, ...filter }).map(({ id }) => id)
    expect([ids({}), ids({ file: 'a.yaml' }), ids({ source: 'files' }), ids({ before: 3, limit: 1 })]).toEqual([
      [3, 2, 1],
      [3, 1],
      [1],
      [2],
    ])
    expect([1, 2, 3].map((id) => [...ledger.treeAt(id).keys()].sort())).toEqual([
      ['a.yaml'],
      ['a.yaml', 'b.yaml'],
      ['b.yaml'],
    ])
  })

  test('what a file held, the newest first, back to when there was none, or to the last that is kept', async () => {
    const contents = (file: string) =>
      [...ledger.contentsOf(file)].map(({ revision, bytes }) => [revision, bytes.toString()])
    await apply([change('a.yaml', undefined)])
    await apply([change('a.yaml', 'a: 3\n')])
    put('a.yaml', 'a: 4\n')
    await ledger.sync()
    await apply([change('b.yaml', 'b: 5\n')])
    expect(contents('a.yaml')).toEqual([
      [4, 'a: 4\n'],
      [3, 'a: 3\n'],
    ])
    expect(contents('c.yaml')).toEqual([])
    for (let value = 6; value <= 60; value++) await apply([change('a.yaml', `a: ${value}\n`)])
    expect(contents('a.yaml')).toHaveLength(57)
    ledger.compact(2)
    expect(contents('a.yaml')).toEqual([
      [60, 'a: 60\n'],
      [59, 'a: 59\n'],
      [undefined, 'a: 58\n'],
    ])
    expect(contents('b.yaml')).toEqual([[undefined, 'b: 5\n']])
  })

  test('compaction forgets the oldest revisions and their content; the rest stays readable', async () => {
    for (let value = 2; value <= 10; value++) await apply([change('a.yaml', `a: ${value}\n`)])
    const blobs = () => (ledger.db.prepare('select count(*) as n from blobs').all()[0] as { n: number }).n
    expect(blobs()).toBe(10)
    expect(ledger.compact(3)).toBe(7)
    expect(ledger.revisions({ limit: 20 }).map(({ id, parent }) => [id, parent])).toEqual([
      [10, 9],
      [9, 8],
      [8, undefined],
    ])
    expect(ledger.read('a.yaml', 8)?.toString()).toBe('a: 8\n')
    expect(blobs()).toBe(4)
    expect((await apply([change('a.yaml', 'a: 11\n')])).id).toBe(11)
  })
})

describe('conflicts', () => {
  test('figures of a revision stay beside it over a restart, as long as it is kept and among the newest', async () => {
    for (let i = 2; i <= 5; i++) {
      put('a.yaml', `a: ${i}\n`)
      await ledger.sync()
    }
    await ledger.keepFigures(2, 'two')
    await ledger.keepFigures(4, 'of four')
    await ledger.keepFigures(4, 'four')
    await ledger.keepFigures(99, 'of none')
    await ledger.close()
    ledger = await Ledger.open(root)
    const known = () => [1, 2, 4, 99].map((revision) => ledger.figures(revision))
    expect(known()).toEqual([undefined, 'two', 'four', undefined])
    ledger.compact(3)
    expect(known()).toEqual([undefined, undefined, 'four', undefined])
  })

  test('a file that holds something else than expected is not touched, nor is any other', async () => {
    const attempt = apply([change('b.yaml', 'b'), change('a.yaml', 'mine')], { 'a.yaml': 'something else' })
    await expect(attempt).rejects.toMatchObject({ name: 'ConflictError', files: ['a.yaml'] })
    expect([onDisk('a.yaml'), readdirSync(root).includes('b.yaml'), ledger.head]).toEqual(['a: 1\n', false, 1])
  })

  test('an edit by hand that nobody has seen yet counts, and is kept', async () => {
    put('a.yaml', 'a: by hand\n')
    await expect(apply([change('a.yaml', 'mine')], { 'a.yaml': 'a: 1\n' })).rejects.toThrow(ConflictError)
    expect(ledger.read('a.yaml')?.toString()).toBe('a: by hand\n')
  })

  test('of many at the same time one wins', async () => {
    const attempts = Array.from({ length: 20 }, (_, index) =>
      apply([change('a.yaml', `a: ${index + 10}\n`)], { 'a.yaml': 'a: 1\n' }),
    )
    const results = await Promise.allSettled(attempts)
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect([ledger.head, onDisk('a.yaml')]).toEqual([2, 'a: 10\n'])
  })
})

describe('what may be written', () => {
  test.each([
    '../x.yaml',
    'a/../../x.yaml',
    '/etc/x.yaml',
    'a//b.yaml',
    './a.yaml',
    'a\\..\\b.yaml',
    'C:/x.yaml',
    'a\u0000.yaml',
    '.hidden.yaml',
    '.meshgate/x.yaml',
    'folder/.x/y.yaml',
    'x.txt',
    'x.yaml~',
    '',
    '\ud800.yaml',
    `${'x'.repeat(300)}.yaml`,
  ])('not %j', async (file) => {
    expect(nameProblem(file)).toBeDefined()
    await expect(apply([change(file, 'x')])).rejects.toThrow(/ /)
    expect(ledger.head).toBe(1)
  })

  test('nothing through a link, and nothing in the place of a folder', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'meshgate-elsewhere-'))
    try {
      symlinkSync(elsewhere, join(root, 'link'))
      writeFileSync(join(elsewhere, 'real.yaml'), 'x')
      symlinkSync(join(elsewhere, 'real.yaml'), join(root, 'file.yaml'))
      mkdirSync(join(root, 'folder.yaml'))
      for (const file of ['link/x.yaml', 'link/real.yaml', 'file.yaml', 'folder.yaml', 'a.yaml/x.yaml'])
        await expect(apply([change(file, 'evil')]), file).rejects.toThrow(/is a link|is no f/)
      expect(readFileSync(join(elsewhere, 'real.yaml'), 'utf8')).toBe('x')
      await ledger.sync()
      expect(ledger.files().map(({ file }) => [file, ledger.isWritable(file)])).toEqual([
        ['a.yaml', true],
        ['file.yaml', false],
        ['link/real.yaml', false],
      ])
    } finally {
      rmSync(elsewhere, { recursive: true })
    }
  })

  test('permissions of a file stay as they are', async () => {
    chmodSync(join(root, 'a.yaml'), 0o640)
    await apply([change('a.yaml', 'a: 2\n')])
    expect(statSync(join(root, 'a.yaml')).mode & 0o777).toBe(0o640)
  })

  test('when the file system refuses one file, none is changed and the number is not used up', async () => {
    put('c.yaml', 'c')
    await ledger.sync()
    // A folder stands where the temporary file of the second change would be written.
    const blocked = contentHash(Buffer.from('c.yaml')).slice(0, 16)
    mkdirSync(join(root, `.${blocked}.meshgate-3.tmp`))
    await expect(apply([change('a.yaml', 'new'), change('c.yaml', 'new')])).rejects.toThrow(
      /nothing was changed: .*EISDIR/,
    )
    expect([onDisk('a.yaml'), onDisk('c.yaml'), ledger.head]).toEqual(['a: 1\n', 'c', 2])
  })
})

describe('when the place of the history fails', () => {
  test('a folder that went away is told as that, and nothing is changed', async () => {
    const away = `${root}-away`
    renameSync(root, away)
    try {
      await failsWith(apply([change('a.yaml', 'new')]), 'STORAGE_FAILED', /^nothing was changed: .*ENOENT/)
    } finally {
      renameSync(away, root)
    }
    expect(onDisk('a.yaml')).toBe('a: 1\n')
  })

  const failsWith = (attempt: Promise<unknown>, code: string, message: RegExp | string) =>
    expect(attempt).rejects.toMatchObject({ name: 'StorageError', code, message: expect.stringMatching(message) })
  const big = (letter: string) => `# ${letter.repeat(200_000)}\n`
  /** SQLite then says what it says on a disk without room: https://sqlite.org/pragma.html#pragma_max_page_count */
  const fill = () => ledger.db.exec('pragma max_page_count = 1')
  const makeRoom = () => ledger.db.exec('pragma max_page_count = 1000000')

  test('a full disk: nothing changes, and once there is room all goes on', async () => {
    fill()
    await failsWith(apply([change('a.yaml', big('x'))]), 'DISK_FULL', /^nothing was changed: no space is left/)
    put('b.yaml', big('b'))
    await failsWith(ledger.sync(), 'DISK_FULL', /no space/)
    expect([onDisk('a.yaml'), ledger.head, readdirSync(root).sort()]).toEqual([
      'a: 1\n',
      1,
      ['.meshgate', 'a.yaml', 'b.yaml'],
    ])
    makeRoom()
    expect((await apply([change('a.yaml', 'a: 2\n')])).id).toBe(3)
    expect(ledger.revision(2)).toMatchObject({ source: 'files', files: [{ file: 'b.yaml' }] })
  })

  test('a disk that fills up while files are written: they are put back, and their revision never was', async () => {
    put('c.yaml', 'c')
    await ledger.sync()
    // It cannot be made to count, and then cannot be forgotten either: only its content found room.
    const { history } = ledger as unknown as { history: { settle(id: number): void; forget(id: number): void } }
    const { settle, forget } = history
    const full = () => {
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    }
    Object.assign(history, { settle: full, forget: full })
    await failsWith(apply([change('a.yaml', 'new'), change('c.yaml', 'new')]), 'DISK_FULL', /^nothing was changed/)
    expect([onDisk('a.yaml'), onDisk('c.yaml'), ledger.head]).toEqual(['a: 1\n', 'c', 2])
    await expect(ledger.sync()).rejects.toThrow('full')
    Object.assign(history, { settle, forget })
    expect(await apply([change('a.yaml', 'a: 3\n')])).toMatchObject({ id: 3, files: [{ file: 'a.yaml' }] })
    expect(onDisk('c.yaml')).toBe('c')
  })

  test('a process that died before it wrote any file leaves the old state, one that had begun the new one', async () => {
    for (const written of [false, true]) {
      const { history } = ledger as unknown as { history: { add(...facts: unknown[]): number } }
      const content = (text: string) => ({ hash: contentHash(Buffer.from(text)), bytes: Buffer.from(text) })
      const before = ledger.file('a.yaml')!.hash
      const facts = { at: 0, who: 'ann', why: '', source: 'api' }
      const changes = [
        { file: 'a.yaml', before, after: content('a: new\n') },
        { file: 'b.yaml', before: undefined, after: content('b: new\n') },
      ]
      history.add(facts, changes, 'pending')
      if (written) put('a.yaml', 'a: new\n')
      await ledger.close()
      ledger = await Ledger.open(root)
      expect([ledger.head, onDisk('a.yaml'), readdirSync(root).includes('b.yaml')]).toEqual(
        written ? [2, 'a: new\n', true] : [1, 'a: 1\n', false],
      )
    }
  })

  test('another process that has the database locked keeps nobody else waiting, and nothing is lost when it lets go', async () => {
    const other = openDatabase(root)
    other.exec('begin immediate')
    let turns = 0
    const busy = setInterval(() => turns++, 10)
    const waiting = apply([change('a.yaml', 'a: 2\n')])
    await until(() => turns > 20)
    other.exec('rollback')
    other.close()
    expect((await waiting).id).toBe(2)
    clearInterval(busy)
  })

  test('a database that was removed takes nothing more', async () => {
    unlinkSync(join(root, '.meshgate/ledger.db'))
    await failsWith(apply([change('a.yaml', 'a: 2\n')]), 'STORAGE_GONE', /^nothing was changed: .*start meshgate again/)
    expect(onDisk('a.yaml')).toBe('a: 1\n')
  })

  test.each(['no database', Buffer.alloc(8_192)])(
    'a damaged database is told as that, and stays as it is: %#',
    async (content) => {
      await ledger.close()
      for (const end of ['-wal', '-shm']) rmSync(join(root, `.meshgate/ledger.db${end}`), { force: true })
      put('.meshgate/ledger.db', content)
      await failsWith(Ledger.open(root), 'STORAGE_DAMAGED', /put back a copy/)
      expect(readFileSync(join(root, '.meshgate/ledger.db'))).toEqual(Buffer.from(content as string))
      unlinkSync(join(root, '.meshgate/ledger.db'))
      ledger = await Ledger.open(root)
    },
  )
})

describe('the audit', () => {
  test('waits with its entries while they cannot be written, and never fails the request', () => {
    const told: string[] = []
    const audit = new Audit(ledger.db, { warn: ({ message }) => told.push(message), again: () => told.push('again') })
    const other = openDatabase(root)
    other.exec('begin immediate')
    const entry = { who: 'ann', peer: '::1', action: 'POST /api/v1/apply', outcome: 'done', detail: '200' } as const
    audit.record(entry)
    audit.record(entry)
    audit.flush()
    other.exec('rollback')
    other.close()
    expect(audit.entries(10)).toMatchObject([{ who: 'ann', times: 2 }])
    expect(told).toEqual([expect.stringMatching(/locked/), 'again'])
  })
})
