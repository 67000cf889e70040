/** Slabs lie at its start, stages at its end. Its pages are the system's until they are written to. Own memory of a stage never has this size. */
export const arenaBytes = 65 * 64 * 1024
/** So much that cannot be used again makes a new one worth its pages. */
const lossBytes = arenaBytes / 4

/**
 * The memory that what is read and what is put together to be written share, so that a frame is copied with `copyWithin`. A copy from one memory to
 * another needs a view of the frame, which costs as much as copying it and is garbage afterwards: most of all that a message leaves behind.
 *
 * What somebody still reads when it would be used again is lost. After enough losses there is a new arena, and the old one is left to the
 * garbage collector with its last reader.
 */
class Arena {
  readonly bytes = new Uint8Array(arenaBytes)
  readonly memory = this.bytes.buffer
  start = 0
  end = arenaBytes
  lost = 0
  /** Slabs that were given back. */
  readonly slabs: Uint8Array[] = []
}

let arena = new Arena()

/** Memory for a slab; all are of one size. Own memory, where the arena is full. */
export function takeSlab(bytes: number): Uint8Array {
  const free = arena.slabs.pop()
  if (free) return free
  if (arena.start + bytes > arena.end) return new Uint8Array(bytes)
  const slab = new Uint8Array(arena.memory, arena.start, bytes)
  arena.start += bytes
  return slab
}

/** Memory to put something together in, for as long as nobody says it is lost; own memory, where it would be a large part of the arena. */
export function takeStage(bytes: number): Uint8Array {
  if (bytes * 16 > arenaBytes || arena.end - bytes < arena.start) return new Uint8Array(bytes)
  arena.end -= bytes
  return new Uint8Array(arena.memory, arena.end, bytes)
}

/** Nobody reads a slab any more, and its taker does not need it. */
export function giveSlabBack(slab: Uint8Array): void {
  if (slab.buffer === arena.memory) arena.slabs.push(slab)
}

/** Somebody reads these bytes for a time nobody knows: they are never used again. */
export function lose(bytes: Uint8Array): void {
  if (bytes.buffer !== arena.memory) return
  arena.lost += bytes.length
  if (arena.lost >= lossBytes) arena = new Arena()
}

/** Whether bytes are of an arena that was replaced: who has them free should take others. */
export function isStale({ buffer }: Uint8Array): boolean {
  return buffer.byteLength === arenaBytes && buffer !== arena.memory
}
