import type { Codec, Edit, FieldInfo, FieldValue } from '../../codecs/contract.ts'
import { integerOf } from '../../codecs/values.ts'
import type { FieldMutation } from '../configuration.ts'

/** One for all routes without: each message looks at its length. */
const none: readonly Edit[] = []

/** Mutations as edits of a codec; those of fields the protocol does not have, or with a value that is none of the field's, fall out. */
export function compileEdits(codec: Codec, mutations: readonly FieldMutation[] = []): readonly Edit[] {
  if (mutations.length === 0) return none
  return mutations.flatMap(({ field, value }): Edit[] => {
    const info = codec.fields[codec.slot(field)]
    if (!info) return []
    if (value === undefined) return [{ slot: info.slot, value: undefined }]
    const typed = typedValue(info, value)
    return typed === undefined ? [] : [{ slot: info.slot, value: typed }]
  })
}

function typedValue(info: FieldInfo, text: string): FieldValue | undefined {
  switch (info.type) {
    case 'string':
      return text
    case 'bytes':
      return Buffer.from(text)
    case 'bigint':
      return integerOf(info, text)
    case 'number': {
      const value = integerOf(info, text)
      return value === undefined ? undefined : Number(value)
    }
  }
}

/**
 * A changed copy of a frame. An edit that this very frame cannot take (a field it does not have) is left out, the others are made.
 * @returns undefined when nothing was changed.
 */
export function applyEdits(
  codec: Codec,
  buf: Uint8Array,
  at: number,
  length: number,
  edits: readonly Edit[],
): Uint8Array | undefined {
  const all = codec.mutate?.(buf, at, length, edits)
  if (all || edits.length < 2) return all
  let frame: Uint8Array | undefined
  for (const edit of edits) {
    const next: Uint8Array | undefined = frame
      ? codec.mutate?.(frame, 0, frame.length, [edit])
      : codec.mutate?.(buf, at, length, [edit])
    if (next) frame = next
  }
  return frame
}
