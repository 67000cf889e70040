import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { replaceFile } from './replace-file.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshgate-files-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('a file that is replaced', () => {
  it('has the new content, in folders that are made, readable by its owner only', async () => {
    const file = join(folder, 'a/b/state')
    await replaceFile(file, 'one')
    await replaceFile(file, 'two')
    expect(await readFile(file, 'utf8')).toBe('two')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'a/b'))).toEqual(['state'])
  })

  it('takes pieces as they are made, with others getting their turn between', async () => {
    const file = join(folder, 'state')
    let turns = 0
    const counting = setInterval(() => turns++, 0)
    const seen: number[] = []
    await replaceFile(
      file,
      (function* () {
        for (let piece = 0; piece < 50; piece++) {
          seen.push(turns)
          yield `${piece} ${'x'.repeat(100_000)}\n`
        }
      })(),
    )
    clearInterval(counting)
    expect((await readFile(file, 'utf8')).split('\n').map((line) => line.split(' ')[0])).toEqual([
      ...Array.from({ length: 50 }, (_, piece) => `${piece}`),
      '',
    ])
    expect(new Set(seen).size).toBeGreaterThan(1)
  })

  it('takes the place of what a killed writer with its number left, whoever may read that', async () => {
    await writeFile(join(folder, `state.${process.pid}.new`), 'a part of something long', { mode: 0o644 })
    await replaceFile(join(folder, 'state'), 'whole')
    expect(await readFile(join(folder, 'state'), 'utf8')).toBe('whole')
    expect((await stat(join(folder, 'state'))).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['state'])
  })

  it('stands as it was when it cannot be replaced, with nothing beside it', async () => {
    await mkdir(join(folder, 'state'))
    await expect(replaceFile(join(folder, 'state'), 'new')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
    expect(await readdir(folder)).toEqual(['state'])
  })

  it('is what was asked for last, of many calls at once; one that fails is told alone', async () => {
    const file = join(folder, 'state')
    const texts = Array.from({ length: 20 }, (_, at) => String(at).repeat(20_000 / (at + 1)))
    await Promise.all(texts.map((text) => replaceFile(file, text)))
    expect(await readFile(file, 'utf8')).toBe(texts.at(-1))
    await rm(file)
    await mkdir(file)
    const failed = replaceFile(file, 'no')
    const after = failed.catch(() => rmdir(file))
    await expect(failed).rejects.toThrow()
    await after
    await replaceFile(file, 'yes')
    expect(await readFile(file, 'utf8')).toBe('yes')
    expect(await readdir(folder)).toEqual(['state'])
  })

  it('is whole for a reader at any moment', async () => {
    const file = join(folder, 'state')
    const texts = ['a'.repeat(300_000), 'b'.repeat(200_000)]
    await replaceFile(file, texts[0]!)
    let writing = true
    const writer = (async () => {
      for (let round = 0; round < 20; round++) await replaceFile(file, texts[round % 2]!)
      writing = false
    })()
    while (writing) expect(texts).toContain(await readFile(file, 'utf8'))
    await writer
  })
})
