import { expect, it } from 'vitest'
import type { Codec, Edit } from '../../codecs/contract.ts'
import { codec } from '../../codecs/game/codec.ts'
import { applyEdits, compileEdits } from './mutate.ts'

const frame = Uint8Array.of(0, 0, 7)
const slot = (at: number): Edit => ({ slot: at, value: 1 })
/** Writes a value over the byte of its slot; frames have no second one. */
const three: Pick<Codec, 'mutate'> = {
  mutate: (b, at, length, edits) => {
    if (edits.some((edit) => edit.slot === 1)) return undefined
    const copy = b.slice(at, at + length)
    for (const { slot: place, value } of edits) copy[place] = value as number
    return copy
  },
}
const edited = (...slots: readonly number[]) => {
  const changed = applyEdits(three as Codec, frame, 0, 3, slots.map(slot))
  return changed && [...changed]
}

it('an edit that a frame cannot take is left out, the others are made', () => {
  expect(edited(0)).toEqual([1, 0, 7])
  expect(edited(0, 2)).toEqual([1, 0, 1])
  expect(edited(0, 1)).toEqual([1, 0, 7])
  expect(edited(1, 2)).toEqual([0, 0, 1])
  expect(edited(0, 1, 2)).toEqual([1, 0, 1])
})

it('a frame that can take none of them is not changed', () => {
  expect(edited(1)).toBeUndefined()
  expect(edited(1, 1)).toBeUndefined()
  expect([...frame]).toEqual([0, 0, 7])
})

it('what the protocol does not have, or is no value of the field, falls out when the route is compiled', () => {
  const edits = compileEdits(codec, [
    { field: 'nothing', value: '1' },
    { field: 'msgid', value: 'seven' },
    { field: 'msgid', value: '7' },
    { field: 'uid', value: '8' },
    { field: 'uid' },
  ])
  expect(edits).toEqual([
    { slot: codec.slot('msgid'), value: 7 },
    { slot: codec.slot('uid'), value: 8n },
    { slot: codec.slot('uid'), value: undefined },
  ])
})
