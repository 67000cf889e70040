/** Streams in the same state share an answer; when there are very many states, memory matters more. */
const MOST_REMEMBERED = 256

/** Adds to a memo that is emptied when it has grown too large. */
export function remember<K, V>(memo: Map<K, V>, key: K, value: V): void {
  if (memo.size >= MOST_REMEMBERED) memo.clear()
  memo.set(key, value)
}
