import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import { restore, save } from './saved.ts'
import { ResourceStore } from './store.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshgate-saved-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const protocol = create(ProtocolSchema, { name: 'game', codec: { case: 'shipped', value: 'game' } })
const filled = () => {
  const store = new ResourceStore()
  store.apply('pds', [{ name: 'game', version: '7', bytes: toBinary(ProtocolSchema, protocol) }], [])
  return store
}

describe('the saved copy', () => {
  it('comes back with its versions, and nothing else is left in the folder', async () => {
    const file = join(folder, 'cache')
    await save(file, 'n', filled())
    await save(file, 'n', filled())
    const store = new ResourceStore()
    expect(await restore(file, 'n', store)).toEqual([])
    expect(store.versions('pds')).toEqual({ game: '7' })
    expect(store.configuration().protocols).toEqual([{ name: 'game', shipped: 'game' }])
    expect(await readdir(folder)).toEqual(['cache'])
  })

  it('no file is no mistake; that of another node is not taken', async () => {
    const file = join(folder, 'cache')
    const store = new ResourceStore()
    expect(await restore(file, 'n', store)).toBeUndefined()
    await save(file, 'other', filled())
    expect(await restore(file, 'n', store)).toEqual([`${file} was saved by node other`])
    expect(store.empty).toBe(true)
  })

  it('a file that is something else is not overwritten in silence', async () => {
    const file = join(folder, 'cache')
    await writeFile(file, '{"half":')
    await expect(restore(file, 'n', new ResourceStore())).rejects.toThrow('is no saved configuration')
  })
})
