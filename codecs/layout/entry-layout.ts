import type { FieldRef, FieldValue } from '../contract.ts'
import { makeTest } from './condition.ts'
import { type FrameRules, setField } from './edit.ts'
import type { EntryAccess } from './inner-node.ts'
import type { IssuePath } from './issue.ts'
import { type LengthPlan, lengthDeclaration, lengthNumber, lengthPlan } from './length.ts'
import { joinBytes, type Node, padded, roundUp, sameText, type Test, textBytes } from './node.ts'
import { halvesOf } from './numbers.ts'
import type { EntrySpec } from './schema.ts'
import type { Declaration, Scope } from './scope.ts'

/**
 * Lists of entries that are laid out as frames are: a length that may count key and header, bytes between key and length, a header that may be longer,
 * padding. Offsets count from an entry's first byte.
 */
interface EntryLayout {
  readonly key: Node
  readonly value: Node
  readonly length: LengthPlan
  /** Which entries are meant: the others stand in the list all the same. */
  readonly when: Test | undefined
  /** What the last entry is known by. */
  readonly ends: Test | undefined
  readonly anyCase: boolean
  /** Values of a new entry's header; what it does not name is 0. Absent: none is made. */
  readonly make: readonly { readonly node: Node; readonly value: number }[] | undefined
  readonly rules: FrameRules
}

/** Fields of a new entry's header stand within so many bytes. */
const longestHeader = 256

/** Compiles the `entry` of a map; undefined when the document is wrong, which `scope` is told. */
export function entryLayout(scope: Scope, spec: EntrySpec, path: IssuePath, anyCase: boolean): EntryLayout | undefined {
  const declarations = declarationsOf(scope, spec, path)
  const own = declarations && scope.inside(declarations)
  const fields = own?.all()
  if (!own || fields?.length !== declarations.size) return undefined
  const length = lengthPlan(own, spec.length, [...path, 'length'], spec.align, 'entry')
  const key = own.node('key')
  const value = own.node('value')
  const when = spec.when && makeTest(own, spec.when, [...path, 'when'])
  const ends = spec.ends && makeTest(own, spec.ends, [...path, 'ends'])
  if (!length || !key || !value || (spec.when && !when) || (spec.ends && !ends)) return undefined
  if (value.type !== 'bytes' && value.type !== 'string') {
    scope.issues.error(
      [...path, 'value', 'type'],
      'the value of an entry is text or bytes',
      'a number in it is a field of its own, as {in: level, at: 0, type: u32}',
    )
    return undefined
  }
  const rules = { length, checksum: undefined, maxFrame: 2 ** 31, searched: false }
  const set = Object.entries(spec.set ?? {}).map(([name, number]) => ({
    node: own.resolve(name, [...path, 'set', name]),
    value: number,
    name,
  }))
  if (set.some(({ node }) => !node)) return undefined
  const layout = { key, value, length, when, ends, anyCase, make: undefined, rules }
  const make = set.map(({ node, value: number }) => ({ node: node!, value: number }))
  // What a new entry must have to be one of these, only the document can say.
  const made = newEntry({ ...layout, make }, anyKey(key), new Uint8Array(3))
  if (made) return { ...layout, make }
  if (spec.set)
    scope.issues.error(
      [...path, 'set'],
      'no new entry can be made with these values: one does not fit, or `when` does not hold',
    )
  return spec.set ? undefined : layout
}

function declarationsOf(scope: Scope, spec: EntrySpec, path: IssuePath): Map<string, Declaration> | undefined {
  const { key, value, fields = {} } = spec
  const all = new Map<string, Declaration>()
  const length = lengthDeclaration(spec.length, [...path, 'length'])
  if (length) all.set('length', length)
  all.set('key', { spec: key, path: [...path, 'key'], role: undefined })
  for (const [name, field] of Object.entries(fields)) {
    if (all.has(name) || name === 'value' || name === 'length') {
      scope.issues.error([...path, 'fields', name], `an entry has a "${name}" already`, 'choose another name')
      return undefined
    }
    all.set(name, { spec: field, path: [...path, 'fields', name], role: undefined })
  }
  const { type = 'bytes' } = value
  const size = (type === 'bytes' || type === 'str') && value.size === undefined ? { size: 'rest' as const } : {}
  all.set('value', { spec: { ...value, type, ...size }, path: [...path, 'value'], role: undefined })
  return all
}

const anyKey = ({ number }: Node): Key => (number ? { lo: 1, hi: 0, value: 1 } : { text: textBytes('k'), value: 'k' })

/** What is looked for: the halves of a number, or a text. */
type Key =
  | { readonly lo: number; readonly hi: number; readonly value: number | bigint }
  | { readonly text: Uint8Array; readonly value: string }

/** The key as entries have it; numbers may be named by `is`. undefined when it can be none. */
function keyOf({ key }: EntryLayout, written: string): Key | undefined {
  if (!key.number) return { text: textBytes(written), value: written }
  const named = key.values?.get(written)?.[0]
  if (named === undefined && !/^(0x[\da-f]+|\d+)$/i.test(written)) return undefined
  const value = BigInt(named ?? written)
  const halves = halvesOf(value)
  return halves && key.patch?.(new Uint8Array(longestHeader), 0, longestHeader, value)
    ? { ...halves, value }
    : undefined
}

const ref: FieldRef = { start: 0, end: 0, lo: 0, hi: 0 }

function has({ key, anyCase }: EntryLayout, b: Uint8Array, at: number, limit: number, wanted: Key): boolean {
  if (!key.read(b, at, limit, ref)) return false
  if ('text' in wanted) return sameText(b, ref.start, ref.end, wanted.text, anyCase)
  return ref.lo === wanted.lo && (key.type === 'number' || ref.hi === wanted.hi)
}

/**
 * Calls `visit` with the start and the end of each entry (without padding), and where the next one starts.
 * @returns the index behind the list, -1 when it is broken, or has no end where it needs one
 */
function eachEntry(
  { length, ends }: EntryLayout,
  b: Uint8Array,
  start: number,
  end: number,
  needsEnd: boolean,
  visit: ((at: number, limit: number, next: number) => void) | undefined,
): number {
  for (let p = start; p < end; ) {
    const n = length.announced(b, p, end)
    if (n < 1 || p + n > end) return -1
    // The last may end without its padding.
    const next = Math.min(end, p + roundUp(n, length.align))
    if (ends?.(b, p, p + n)) return next
    visit?.(p, p + n, next)
    p = next
  }
  return needsEnd ? -1 : end
}

/** The entries of a map as fields. */
export function entriesOf(layout: EntryLayout): EntryAccess {
  return {
    type: layout.value.type === 'string' ? 'string' : 'bytes',
    writable: layout.value.patch !== undefined && canGrow(layout),
    end: layout.ends && ((b, start, end) => eachEntry(layout, b, start, end, true, undefined)),
    find: (written) => {
      const wanted = keyOf(layout, written)
      if (!wanted) return undefined
      return {
        // The last of a key counts, as a reader that fills a map sees it.
        read: (b, start, end, out) => {
          let found = false
          const whole = eachEntry(layout, b, start, end, false, (at, limit) => {
            if (!has(layout, b, at, limit, wanted) || layout.when?.(b, at, limit) === false) return
            if (!layout.value.read(b, at, limit, ref)) return
            found = true
            out.start = ref.start
            out.end = ref.end
          })
          return found && whole >= 0
        },
        write: (region, value) => writeEntry(layout, region, wanted, value),
      }
    },
  }
}

/** Whether a length can be put right when the value changes. */
function canGrow({ length, value }: EntryLayout): boolean {
  return length.terms.some(({ node }) => node === value.sizeNode) || length.single?.node.patch !== undefined
}

function writeEntry(
  layout: EntryLayout,
  region: Uint8Array,
  wanted: Key,
  value: FieldValue | undefined,
): Uint8Array | undefined {
  const { rules, length } = layout
  const { align } = length
  /** Entries without their padding. */
  const entries: { readonly bytes: Uint8Array; readonly own: boolean }[] = []
  let tail = 0
  let bare = false
  const whole = eachEntry(layout, region, 0, region.length, false, (at, limit, next) => {
    const own = has(layout, region, at, limit, wanted) && layout.when?.(region, at, limit) !== false
    entries.push({ bytes: region.slice(at, limit), own })
    tail = next
    bare = next - at < roundUp(limit - at, align)
  })
  if (whole < 0) return undefined
  const place = entries.findLastIndex(({ own }) => own)
  const list = entries.filter(({ own }) => value !== undefined || !own).map(({ bytes }) => bytes)
  if (value !== undefined) {
    const before = list[place]
    const made = before ? setField(rules, before, layout.value, value) : newEntry(layout, wanted, value)
    if (!made) return undefined
    const size = length.announced(made, 0, made.length)
    if (before) list[place] = made.subarray(0, size)
    else {
      list.push(made.subarray(0, size))
      bare = false
    }
  }
  // The last one goes on having its padding or not.
  const full = list.map((bytes, i) => (bare && i === list.length - 1 ? bytes : padded(bytes, align)))
  return joinBytes(...full, region.subarray(tail))
}

/** An entry that was not there; undefined when its header cannot be told, or the value does not fit. */
function newEntry(layout: EntryLayout, key: Key, value: FieldValue): Uint8Array | undefined {
  const { make, rules, when, length } = layout
  if (!make || !layout.value.rest || !length.single) return undefined
  let draft: Uint8Array = new Uint8Array(longestHeader)
  for (const { node, value: wanted } of [{ node: layout.key, value: key.value }, ...make]) {
    const patch = node.patch?.(draft, 0, draft.length, wanted)
    if (!patch) return undefined
    draft = joinBytes(draft.subarray(0, patch.start), patch.bytes, draft.subarray(patch.end))
  }
  const start = layout.value.start(draft, 0, draft.length)
  if (start < 0) return undefined
  const entry = joinBytes(draft.subarray(0, start), textBytes(value))
  const number = lengthNumber(length, entry, 0, entry.length, entry.length)
  const patch = number === undefined ? undefined : length.single.node.patch?.(entry, 0, entry.length, number)
  if (!patch || patch.bytes.length !== patch.end - patch.start) return undefined
  entry.set(patch.bytes, patch.start)
  if (length.announced(entry, 0, entry.length) !== entry.length || when?.(entry, 0, entry.length) === false)
    return undefined
  return padded(entry, rules.length.align)
}
