import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { MOST_BYTES, showFrames } from './decode-frames.ts'

const arenaFile = fileURLToPath(new URL('../../examples/messages/arena.protocol.yaml', import.meta.url))
const arena = () => parse(readFileSync(arenaFile, 'utf8')) as { spec: Record<string, unknown> }
const REQUEST = '00000018 4152 01 00 000003e9 00000001 000000000000002a'

it('shows every field with its offsets and digits, in the order of the frame', () => {
  const { frames, errors, sided } = showFrames(arena(), REQUEST, 'client')
  expect([errors, sided, frames.length]).toEqual([[], false, 1])
  expect(frames[0]).toMatchObject({ at: 0, length: 24, kind: 'request', id: '1', error: false })
  expect(frames[0]!.fields.map(({ name, start, end, hex, value }) => [name, start, end, hex, value])).toEqual([
    ['length', 0, 4, '00000018', '24'],
    ['check', 4, 6, '4152', String(0x4152)],
    ['kind', 6, 7, '01', '1'],
    ['flags', 7, 8, '00', '0'],
    ['msgid', 8, 12, '000003e9', '1001'],
    ['id', 12, 16, '00000001', '1'],
    ['player', 16, 24, '000000000000002a', '42'],
  ])
  expect(frames[0]!.fields[2]).toMatchObject({ label: 'request' })
})

it('shows bytes that no field has, where frames end, and why', () => {
  const { frames, stopped } = showFrames(arena(), `0000001a${REQUEST.slice(8)} abcd ffff`, 'client')
  expect(frames[0]!.fields.at(-1)).toEqual({ start: 24, end: 26, hex: 'abcd' })
  expect(stopped).toEqual({ at: 26, needs: expect.any(Number) })
  expect(showFrames(arena(), REQUEST.replace('4152', '4153'), 'client').stopped).toEqual({ at: 0, error: 'badMagic' })
})

it('shows the number that says how long a text is as a part of it, and none where the text is absent', () => {
  const document = {
    ...{ apiVersion: 'meshgate.io/v1', kind: 'Protocol', metadata: { name: 'quill' } },
    spec: {
      frame: { length: { at: 0, type: 'u16', counts: 'all' } },
      message: { kind: { at: 2, type: 'u8', is: { 1: 'request', 2: 'response' } }, id: { at: 3, type: 'u8' } },
      fields: {
        player: { after: 'id', type: 'str(u8)' },
        place: { after: 'player', type: 'str(u16le)' },
        gone: { after: 'place', type: 'str(i8)?' },
      },
    },
  }
  const { frames, errors } = showFrames(document, '000d 01 07 03 616e6e 0200 6262 ff', 'client')
  expect(errors).toEqual([])
  expect(frames[0]!.fields.map(({ name, role, start, end, value }) => [name, role, start, end, value])).toEqual([
    ['length', undefined, 0, 2, '13'],
    ['kind', undefined, 2, 3, '1'],
    ['id', undefined, 3, 4, '7'],
    ['player', 'length', 4, 5, '3'],
    ['player', undefined, 5, 8, 'ann'],
    ['place', 'length', 8, 10, '2'],
    ['place', undefined, 10, 12, 'bb'],
    [undefined, undefined, 12, 13, undefined],
  ])
})

it('says why a document gives no frames, and runs no code', () => {
  const broken = arena()
  broken.spec['frame'] = { length: { at: 0, type: 'u99', counts: 'all' } }
  const { errors, frames } = showFrames(broken, REQUEST, 'client')
  expect(frames).toEqual([])
  expect(errors[0]).toMatchObject({
    path: ['spec', 'frame', 'length', 'type'],
    message: expect.stringContaining('u99'),
  })
  const code = { ...arena(), spec: { module: './codec.js' } }
  expect(showFrames(code, '00', 'client').errors).toEqual([
    { path: ['spec', 'module'], message: expect.stringContaining('not run here') },
  ])
  expect(showFrames(null, '00', 'client').errors).toHaveLength(1)
})

it('takes no more than so many bytes, and shows no more than so many frames and characters', () => {
  expect(() => showFrames(arena(), '00'.repeat(MOST_BYTES + 1), 'client')).toThrow(RangeError)
  expect(() => showFrames(arena(), '0z', 'client')).toThrow(SyntaxError)
  const { frames, cut } = showFrames(arena(), REQUEST.repeat(101), 'client')
  expect([frames.length, cut]).toEqual([100, true])
  expect(showFrames(arena(), REQUEST.repeat(100), 'client').cut).toBe(false)
  const long = showFrames(arena(), `00001018${REQUEST.slice(8)}${'ab'.repeat(4096)}`, 'client').frames[0]!
  expect(long.fields.at(-1)!.hex).toBe(`${'ab'.repeat(100)}…`)
})
