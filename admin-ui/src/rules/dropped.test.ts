import { expect, it } from 'vitest'
import { chosenFiles, type DroppedEntry, droppedFiles } from './dropped.ts'

type Tree = string | { readonly [name: string]: Tree }

/** As many entries at once as Chromium gives. */
const AT_ONCE = 100

/** An entry as browsers give it for what is dropped. */
function entryOf(name: string, tree: Tree): DroppedEntry {
  if (typeof tree === 'string') {
    const file = (done: (file: File) => void) => done(new File([tree], name))
    return Object.assign({ name, isFile: true }, { file })
  }
  const createReader = () => {
    const rest = Object.entries(tree).map(([child, below]) => entryOf(child, below))
    return { readEntries: (done: (some: DroppedEntry[]) => void) => done(rest.splice(0, AT_ONCE)) }
  }
  return Object.assign({ name, isFile: false }, { createReader })
}

const drop = (tree: Readonly<Record<string, Tree>>) =>
  droppedFiles(Object.entries(tree).map(([name, below]) => ({ webkitGetAsEntry: () => entryOf(name, below) })))

it('a folder is read with all below it, by names below it; what is hidden is not there, what is no YAML is counted', async () => {
  const { files, leftOut } = await drop({
    rules: { 'b.yaml': 'b', sub: { 'a.yml': 'a', 'c.json': 'c' }, '.git': { 'x.yaml': 'x' }, 'README.md': 'r' },
  })
  expect(files).toEqual([
    { path: 'b.yaml', text: 'b' },
    { path: 'sub/a.yml', text: 'a' },
    { path: 'sub/c.json', text: 'c' },
  ])
  expect(leftOut).toBe(1)
})

it('of several things each keeps its name before what is in it', async () => {
  const { files } = await drop({ one: { 'a.yaml': '1' }, two: { 'a.yaml': '2' }, 'b.yaml': '3' })
  expect(files.map(({ path }) => path)).toEqual(['b.yaml', 'one/a.yaml', 'two/a.yaml'])
})

it('a folder of more files than are told at once is read to its end, and one of too many is refused', async () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${String(index).padStart(5, '0')}.yaml`, '']))
  expect((await drop({ rules: many(250) })).files).toHaveLength(250)
  await expect(drop({ rules: many(2_100) })).rejects.toThrow('more than 2000 files')
})

it('files that were chosen are read by their names; too much at once is refused', async () => {
  expect((await chosenFiles([new File(['a'], 'a.yaml'), new File(['b'], 'b.txt')])).leftOut).toBe(1)
  const large = new File(['x'.repeat(17 * 1024 * 1024)], 'large.yaml')
  await expect(chosenFiles([large])).rejects.toThrow('more than 16 MiB')
})
