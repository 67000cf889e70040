const NOTHING: ReadonlySet<string> = new Set()

/**
 * An immutable set of resource names. A thousand proxies of one kind ask for the same names, so equal sets are one object:
 * a stream holds a reference, and results computed for one set serve all streams that have it.
 *
 * A change makes a small difference on top of the shared set, folded into a new one when it has grown to about the square
 * root: 100,000 names that come one by one then cost some hundred steps each, not 100,000.
 */
export class NameSet {
  static readonly empty = new NameSet(NOTHING, NOTHING, NOTHING, 0)

  /** Equal ids mean equal sets; unequal ids mean nothing. */
  readonly id: number
  readonly size: number
  private readonly base: ReadonlySet<string>
  private readonly plus: ReadonlySet<string>
  private readonly minus: ReadonlySet<string>

  private constructor(base: ReadonlySet<string>, plus: ReadonlySet<string>, minus: ReadonlySet<string>, id: number) {
    this.base = base
    this.plus = plus
    this.minus = minus
    this.id = id
    this.size = base.size + plus.size - minus.size
  }

  static of(names: Iterable<string>): NameSet {
    const set = names instanceof Set ? (names as ReadonlySet<string>) : new Set(names)
    if (set.size === 0) return NameSet.empty
    return intern(set, (base, id) => new NameSet(base, NOTHING, NOTHING, id))
  }

  has(name: string): boolean {
    return (this.base.has(name) && (this.minus.size === 0 || !this.minus.has(name))) || this.plus.has(name)
  }

  /** Whether the list is exactly this set in its own order; false says nothing about the names. */
  lists(names: readonly string[]): boolean {
    if (names.length !== this.size) return false
    let at = 0
    for (const name of this) if (names[at++] !== name) return false
    return true
  }

  /** This set with some names more and some fewer; what is in both lists is out. */
  change(added: Iterable<string>, dropped: Iterable<string>): NameSet {
    const plus = new Set(this.plus)
    const minus = new Set(this.minus)
    let touched = false
    for (const name of added) {
      if (minus.delete(name)) touched = true
      else if (!this.base.has(name) && !plus.has(name)) {
        plus.add(name)
        touched = true
      }
    }
    for (const name of dropped) {
      if (plus.delete(name)) touched = true
      else if (this.base.has(name) && !minus.has(name)) {
        minus.add(name)
        touched = true
      }
    }
    if (!touched) return this
    const difference = plus.size + minus.size
    const changed = new NameSet(this.base, someOf(plus), someOf(minus), nextId())
    return difference > 16 + Math.sqrt(this.base.size) || difference * 4 > this.base.size
      ? NameSet.of(new Set(changed))
      : changed
  }

  [Symbol.iterator](): IterableIterator<string> {
    // Nearly all sets differ from none: a generator around theirs takes six times as long, and leaves twice the garbage.
    return this.minus.size === 0 && this.plus.size === 0 ? this.base.values() : this.differing()
  }

  private *differing(): Generator<string> {
    for (const name of this.base) if (!this.minus.has(name)) yield name
    yield* this.plus
  }
}

/** Most sets differ from the shared one in one way only, or not at all. */
function someOf(names: ReadonlySet<string>): ReadonlySet<string> {
  return names.size > 0 ? names : NOTHING
}

let lastId = 0
const nextId = () => ++lastId

interface Known {
  readonly names: ReadonlySet<string>
  readonly set: NameSet
}

/** Sets in use, by a cheap fingerprint. They go when no stream holds them any more. */
const known = new Map<number, WeakRef<Known & object>[]>()
const holders = new WeakMap<NameSet, Known>()
const gone = new FinalizationRegistry<number>((fingerprint) => {
  const left = known.get(fingerprint)?.filter((ref) => ref.deref() !== undefined) ?? []
  if (left.length === 0) known.delete(fingerprint)
  else known.set(fingerprint, left)
})

/** More sets than this with one fingerprint are an attack or an accident; they are simply not shared then. */
const MOST_PER_FINGERPRINT = 8

function intern(names: ReadonlySet<string>, make: (names: ReadonlySet<string>, id: number) => NameSet): NameSet {
  const fingerprint = fingerprintOf(names)
  const candidates = known.get(fingerprint) ?? []
  for (const ref of candidates) {
    const candidate = ref.deref()
    if (candidate && sameNames(candidate.names, names)) return candidate.set
  }
  const set = make(names, nextId())
  if (candidates.length < MOST_PER_FINGERPRINT) {
    const entry = { names, set }
    holders.set(set, entry)
    known.set(fingerprint, [...candidates, new WeakRef(entry)])
    gone.register(set, fingerprint)
  }
  return set
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size !== b.size) return false
  for (const name of a) if (!b.has(name)) return false
  return true
}

/** Does not depend on the order; looks at a few characters of each name, because a full comparison follows anyway. */
function fingerprintOf(names: ReadonlySet<string>): number {
  let sum = names.size
  for (const name of names) {
    const length = name.length
    let hash = length
    const step = (length >> 3) + 1
    for (let at = length - 1; at >= 0; at -= step) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0
    sum = (sum + Math.imul(hash, 0x9e3779b1)) | 0
  }
  return sum
}
