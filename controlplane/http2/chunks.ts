/** Chunks of this length and above stay as they came, in bytes. */
export const WHOLE_CHUNK = 16 * 1024

/**
 * Puts a chunk behind those that wait. Small ones are joined when they come to be as long as the one before them: bytes that come one by
 * one take about their own room, where each would take a hundred as an object, and none is copied more often than a chunk can double.
 * @param chunks changed in place
 */
export function gather(chunks: Buffer[], chunk: Buffer): void {
  let last = chunk
  while (last.length < WHOLE_CHUNK) {
    const before = chunks.at(-1)
    if (!before || before.length >= Math.min(WHOLE_CHUNK, 2 * last.length)) break
    chunks.pop()
    last = Buffer.concat([before, last])
  }
  chunks.push(last)
}
