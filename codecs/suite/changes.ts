import { expect } from 'vitest'
import { type Codec, emptyFrame, emptyRef, type FieldInfo, type FieldValue } from '../contract.ts'
import { fieldValue } from '../values.ts'
import type { Property, Subject } from './subject.ts'

const changesFields = ({ codec }: Subject) => codec.mutate !== undefined

export const mutate: Property = {
  promise: 'a change can be read back, lengths agree, and other fields are as they were',
  concerns: changesFields,
  check: ({ codec, corpus }) => {
    const ref = emptyRef()
    let changes = 0
    for (const bytes of corpus) {
      for (const info of writable(codec)) {
        if (!codec.read(info.slot, bytes, 0, bytes.length, ref)) continue
        const now = fieldValue(info, bytes, ref)
        const value = otherValue(info, now, ref.end - ref.start === 1 && info.values ? 8 : 32)
        const changed = codec.mutate?.(bytes, 0, bytes.length, [{ slot: info.slot, value }])
        // A value may not fit (a flag, a full prefix): then nothing is changed at all.
        if (!changed) continue
        changes++
        expect(codec.frameLength(changed, 0, changed.length), info.name).toBe(changed.length)
        expect(codec.field(info.slot, changed, 0, changed.length), info.name).toEqual(value)
        const back = codec.mutate?.(changed, 0, changed.length, [{ slot: info.slot, value: now }])
        expect(back, info.name).toEqual(bytes)
      }
    }
    if (writable(codec).length > 0) expect(changes).toBeGreaterThan(0)
  },
}

export const mutateAbsent: Property = {
  promise: 'a field that a frame does not have is not written, or is there afterwards',
  concerns: changesFields,
  check: ({ codec, corpus }) => {
    const frame = emptyFrame()
    const ref = emptyRef()
    for (const bytes of corpus) {
      for (const info of writable(codec)) {
        if (codec.read(info.slot, bytes, 0, bytes.length, ref)) continue
        const value = anyValue(info)
        const changed = codec.mutate?.(bytes, 0, bytes.length, [{ slot: info.slot, value }])
        if (!changed) continue
        expect(codec.frameLength(changed, 0, changed.length), info.name).toBe(changed.length)
        expect(codec.inspect(changed, 0, changed.length, frame), info.name).toBe(0)
        expect(codec.field(info.slot, changed, 0, changed.length), info.name).toEqual(value)
      }
    }
  },
}

function writable({ fields }: Codec): readonly FieldInfo[] {
  return fields.filter((info) => info.writable)
}

/** A value for a field that is not the one it has. */
function otherValue(info: FieldInfo, now: FieldValue, bits: number): FieldValue {
  switch (info.type) {
    case 'number': {
      const number = Number(now)
      return bits === 1 ? 1 - number : info.signed || number > 0 ? number - 1 : number + 1
    }
    case 'bigint':
      return (now as bigint) > 0n ? (now as bigint) - 1n : (now as bigint) + 1n
    case 'string':
      return `${String(now).slice(0, 8)}x`
    case 'bytes':
      return Uint8Array.from([...(now as Uint8Array).subarray(0, 8), 7])
  }
}

/** A value of the field's type. */
function anyValue({ type }: FieldInfo): FieldValue {
  return type === 'number' ? 1 : type === 'bigint' ? 1n : type === 'string' ? '7' : Uint8Array.of(7)
}
