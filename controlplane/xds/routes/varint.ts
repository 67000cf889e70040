/** Bytes that a number takes. https://protobuf.dev/programming-guides/encoding/#varints */
export function varintSize(value: number): number {
  let size = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++
  return size
}

/** Writes a number. @returns the position behind it */
export function putVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value
  let position = at
  for (; rest > 127; rest >>>= 7) into[position++] = (rest & 127) | 128
  into[position++] = rest
  return position
}
