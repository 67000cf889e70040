import { WIRE, type WireReader } from '../subscription/wire.ts'

/** The tag of a length-delimited field. */
export const bytes = (field: number): number => (field << 3) | WIRE.bytes
/** The tag of a number. */
export const varint = (field: number): number => (field << 3) | WIRE.varint

/** A `google.protobuf.Duration` (seconds = 1, nanos = 2) in ms. */
export function readDuration(reader: WireReader): number {
  let milliseconds = 0
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === varint(1)) milliseconds += reader.varint() * 1000
    else if (tag === varint(2)) milliseconds += reader.varint() / 1e6
    else reader.skip(tag)
  }
  return milliseconds
}
