/**
 * Lists of names as they stand in requests, read once: a thousand proxies of one kind ask with the same bytes, and every
 * state-of-the-world acknowledgement repeats them. Equal bytes give the same array, so what was made of it is found by identity.
 */
export class NameLists {
  private readonly known = new Map<number, { readonly bytes: Buffer; readonly names: readonly string[] }>()
  private size = 0

  /** The array made of these bytes before, or undefined. */
  find(bytes: Buffer): readonly string[] | undefined {
    if (bytes.length < SHORTEST || bytes.length > LONGEST) return undefined
    const found = this.known.get(fingerprint(bytes))
    return found?.bytes.equals(bytes) ? found.names : undefined
  }

  /** @param bytes copied */
  add(bytes: Buffer, names: readonly string[]): void {
    if (bytes.length < SHORTEST || bytes.length > LONGEST) return
    const key = fingerprint(bytes)
    this.drop(key)
    this.known.set(key, { bytes: Buffer.from(bytes), names })
    this.size += bytes.length
    for (const oldest of this.known.keys()) {
      if (this.size <= MOST_BYTES) break
      this.drop(oldest)
    }
  }

  private drop(key: number): void {
    const known = this.known.get(key)
    if (!known) return
    this.known.delete(key)
    this.size -= known.bytes.length
  }
}

/** Shorter lists are read as fast as they are found. In bytes. */
const SHORTEST = 128
/** Some thousand names. In bytes. */
const LONGEST = 256 * 1024
/** Requests remembered, in bytes; the strings made of them take about four times as much. */
const MOST_BYTES = 2 * 1024 * 1024

/** Looks at some bytes only: a comparison of all follows anyway. */
function fingerprint(bytes: Buffer): number {
  let hash = bytes.length
  const step = (bytes.length >> 5) + 1
  for (let at = 0; at < bytes.length; at += step) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
  return hash
}
