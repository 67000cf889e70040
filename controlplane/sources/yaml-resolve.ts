import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml'
import type { Path } from '../diagnostics/diagnostic.ts'
import type { ReadLimits } from './limits.ts'
import { type Problem, ProblemError } from './problem.ts'
import { tooDeep, tooManyValues } from './yaml-parse.ts'

/** Where a node stands in the text; what is below it, by key or index. Aliases share the places of their anchor's node. */
export interface Place {
  /** Offset of the node. */
  readonly value: number
  readonly below?: ReadonlyMap<string, Entry> | readonly Place[]
}

interface Entry {
  readonly key: number
  readonly place: Place
}

/** A value with what it costs. */
interface Built {
  readonly value: unknown
  /** Values in it, aliases counted as copies. */
  readonly size: number
  readonly height: number
  readonly place: Place
  /** Set when it is a mapping. */
  readonly entries?: readonly BuiltEntry[]
  /** Set when it is a list. */
  readonly items?: readonly Built[]
}

interface BuiltEntry {
  readonly name: string
  readonly key: number
  readonly built: Built
}

export interface Resolved {
  readonly value: unknown
  readonly place: Place
  readonly warnings: readonly Problem[]
  /** Keys that stand twice: the value is not to be used. */
  readonly duplicates: readonly Problem[]
  /** Whether anything stands elsewhere in the text than where it is used. */
  readonly usesAliases: boolean
  /** Values that are there because of aliases only. */
  readonly copies: number
}

/**
 * A syntax tree as plain data, by the YAML 1.2 core schema, with merge keys (`<<`, https://yaml.org/type/merge.html) as
 * go-yaml reads them: own keys win over merged ones, earlier merged mappings over later ones.
 *
 * - Keys become text: `8080: x` is `{'8080': 'x'}`. Keys equal as text are duplicates.
 * - Whole numbers beyond ±2^53 become text with all their digits, as int64 does in proto3 JSON.
 * - Timestamps, `yes`, `no`, `on`, `off` stay text.
 * - An alias is the same object as its anchor; its cost is counted as a copy.
 *
 * Throws ProblemError when the document is to be refused.
 */
export function resolveTree(root: Node, limits: ReadLimits): Resolved {
  return new Resolver(limits).run(root)
}

const booleanWords = /^(?:y|n|yes|no|on|off)$/i
const oldOctal = /^[-+]?0[0-7]+$/

class Resolver {
  readonly #limits: ReadLimits
  readonly #anchors = new Map<string, Built | 'open'>()
  readonly #warnings: Problem[] = []
  readonly #path: (string | number)[] = []
  readonly #duplicates: Problem[] = []
  #written = 0
  #mergeWork = 0
  #aliases = 0

  constructor(limits: ReadLimits) {
    this.#limits = limits
  }

  run(root: Node): Resolved {
    const { value, place, size } = this.#node(root)
    const usesAliases = this.#aliases > 0
    const copies = usesAliases ? Math.max(0, size - this.#written) : 0
    return { value, place, warnings: this.#warnings, duplicates: this.#duplicates, usesAliases, copies }
  }

  #node(node: Node | null): Built {
    this.#written += 1
    if (this.#written > this.#limits.nodes) this.#refuse('SOURCE_TOO_LARGE', node, tooManyValues(this.#limits))
    if (isAlias(node)) return this.#alias(node.source, node)
    const anchor = (node as { anchor?: string } | null)?.anchor
    if (anchor !== undefined) this.#anchors.set(anchor, 'open')
    const built = isMap(node) ? this.#map(node) : isSeq(node) ? this.#seq(node) : this.#scalar(node as Scalar | null)
    if (anchor !== undefined) this.#anchors.set(anchor, built)
    return built
  }

  #alias(name: string, node: Node): Built {
    this.#aliases += 1
    if (this.#aliases > this.#limits.aliases) {
      this.#refuse('SOURCE_ALIAS_LIMIT', node, `more than ${this.#limits.aliases} uses of aliases`)
    }
    const target = this.#anchors.get(name)
    if (target === undefined) {
      const hint = /^[\w-]+$/.test(name)
        ? `Write &${name} before the value it stands for, above this line.`
        : `Put the value in quotes: "*${name}".`
      this.#refuse('SOURCE_ANCHOR', node, `no anchor &${name} before this alias`, hint)
    }
    if (target === 'open')
      this.#refuse('SOURCE_ANCHOR', node, `the value of &${name} contains itself`, 'Write the value out.')
    return { ...target, place: { ...target.place, value: offsetOf(node) } }
  }

  #scalar(node: Scalar | null): Built {
    const place = { value: offsetOf(node) }
    return { value: this.#scalarValue(node), size: 1, height: 0, place }
  }

  #scalarValue(node: Scalar | null): unknown {
    const value = node?.value
    if (value === undefined || node === null) return null
    const plain = node.type === 'PLAIN' && node.tag === undefined
    if (typeof value === 'number') {
      const source = node.source ?? ''
      if (plain && oldOctal.test(source)) {
        this.#warn(
          'SOURCE_AMBIGUOUS',
          node,
          `${source} is read as ${value}; kubectl reads it as octal`,
          `Write ${value}, or 0o… for octal.`,
        )
      }
      return Number.isSafeInteger(value) || !wholeNumber.test(source) ? value : exactInteger(source)
    }
    if (plain && typeof value === 'string' && booleanWords.test(value)) {
      const meant = /^(?:y|yes|on)$/i.test(value)
      this.#warn(
        'SOURCE_AMBIGUOUS',
        node,
        `${value} is read as text; kubectl reads it as ${meant}`,
        `Write ${meant}, or "${value}" if text is meant.`,
      )
    }
    return value
  }

  #seq(node: YAMLSeq): Built {
    const items: Built[] = []
    let size = 1
    let height = 0
    for (const [index, item] of node.items.entries()) {
      this.#path.push(index)
      const built = this.#node(item as Node | null)
      this.#path.pop()
      items.push(built)
      size += built.size
      height = Math.max(height, built.height)
    }
    const place = { value: offsetOf(node), below: items.map((item) => item.place) }
    return this.#bounded(node, { value: items.map((item) => item.value), size, height: height + 1, place, items })
  }

  #map(node: YAMLMap): Built {
    const own = new Map<string, BuiltEntry>()
    const merged: BuiltEntry[] = []
    for (const pair of node.items as Pair<Node | null, Node | null>[]) {
      if (isMergeKey(pair.key)) {
        for (const entry of this.#mergeEntries(pair)) merged.push(entry)
        continue
      }
      const name = this.#key(pair.key, node)
      const key = offsetOf(pair.key)
      this.#path.push(name)
      const first = own.get(name)
      if (first) this.#duplicate(name, key, first.key)
      const built = pair.value ? this.#node(pair.value) : nothingAt(key)
      this.#path.pop()
      own.set(name, { name, key, built })
    }
    for (const entry of merged) if (!own.has(entry.name)) own.set(entry.name, entry)
    const value: Record<string, unknown> = {}
    const below = new Map<string, Entry>()
    let size = 1
    let height = 0
    for (const { name, key, built } of own.values()) {
      value[name] = built.value
      below.set(name, { key, place: built.place })
      size += 1 + built.size
      height = Math.max(height, built.height)
    }
    const place = { value: offsetOf(node), below }
    return this.#bounded(node, { value, size, height: height + 1, place, entries: [...own.values()] })
  }

  #key(node: Node | null, map: Node): string {
    if (!isScalar(node) && !isAlias(node)) {
      const hint = 'Write a plain key. If this is a template such as {{ name }}, it was not filled in: render it first.'
      this.#refuse('SOURCE_KEY', node ?? map, 'a mapping or list stands where a key is expected', hint)
    }
    const value = isAlias(node) ? this.#node(node).value : isScalar(node) ? this.#keyValue(node) : undefined
    if (value === null || typeof value === 'object')
      this.#refuse('SOURCE_KEY', node, 'a key is empty', 'Write a word before the colon.')
    const name = String(value)
    if (name === '__proto__') this.#refuse('SOURCE_KEY', node, 'the key __proto__ is refused', 'Use another name.')
    return name
  }

  #keyValue(node: Scalar): unknown {
    const before = this.#warnings.length
    const value = this.#node(node).value
    this.#warnings.length = before
    return value
  }

  /** The entries `<<` brings in, those that win first. */
  #mergeEntries(pair: Pair<Node | null, Node | null>): BuiltEntry[] {
    this.#path.push('<<')
    const built = pair.value ? this.#node(pair.value) : undefined
    this.#path.pop()
    const mappings = built?.entries ? [built] : built?.items
    const entries: BuiltEntry[] = []
    for (const mapping of mappings ?? [undefined]) {
      if (!mapping?.entries) {
        this.#refuse(
          'SOURCE_ANCHOR',
          pair.value ?? pair.key,
          '<< takes a mapping or a list of mappings',
          'Write <<: *name.',
        )
      }
      this.#mergeWork += mapping.entries.length
      if (this.#mergeWork > this.#limits.nodes)
        this.#refuse('SOURCE_ALIAS_LIMIT', pair.key, tooManyMerged(this.#limits))
      for (const entry of mapping.entries) entries.push(entry)
    }
    return entries
  }

  #bounded(node: Node, built: Built): Built {
    this.#boundSize(node, built.size)
    if (built.height > this.#limits.depth) this.#refuse('SOURCE_TOO_DEEP', node, tooDeep(this.#limits))
    return built
  }

  #boundSize(node: Node, size: number): void {
    if (size <= this.#limits.nodes) return
    const message = `aliases make more than ${this.#limits.nodes} values of this`
    if (this.#aliases > 0) this.#refuse('SOURCE_ALIAS_LIMIT', node, message)
    this.#refuse('SOURCE_TOO_LARGE', node, tooManyValues(this.#limits))
  }

  #duplicate(name: string, offset: number, first: number): void {
    if (this.#duplicates.length > this.#limits.diagnostics) return
    const message = `the key ${JSON.stringify(name)} stands here a second time`
    this.#duplicates.push({ code: 'SOURCE_DUPLICATE_KEY', offset, first, message, path: [...this.#path] })
  }

  #warn(code: Problem['code'], node: Node, message: string, hint: string): void {
    if (this.#warnings.length > this.#limits.diagnostics) return
    this.#warnings.push({ code, offset: offsetOf(node), message, hint, path: [...this.#path] })
  }

  #refuse(code: Problem['code'], node: Node | null, message: string, hint?: string): never {
    const path: Path = [...this.#path]
    throw new ProblemError({ code, offset: offsetOf(node), message, path, ...(hint === undefined ? {} : { hint }) })
  }
}

/** `<<` written plain; quoted it is a key as any other. */
function isMergeKey(node: Node | null): boolean {
  return isScalar(node) && node.source === '<<' && (node.type === undefined || node.type === 'PLAIN')
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0
}

/** `{a}` in flow style: a key with neither colon nor value. */
function nothingAt(offset: number): Built {
  return { value: null, size: 1, height: 0, place: { value: offset } }
}

function tooManyMerged(limits: ReadLimits): string {
  return `merge keys bring in more than ${limits.nodes} values`
}

const wholeNumber = /^[-+]?[0-9]+$|^0[xo][0-9a-fA-F]+$/

/** All digits of a whole number, as text; a number in another base that is absurdly long stays as it was written. */
function exactInteger(source: string): string {
  if (source.startsWith('0x') || source.startsWith('0o'))
    return source.length > 256 ? source : BigInt(source).toString()
  const digits = source.replace(/^[-+]?0*/, '')
  return source.startsWith('-') ? `-${digits}` : digits
}

/** The place a path leads to: exact, or that of the nearest node above it. */
export function placeAt(root: Place, path: Path, on: 'key' | 'value'): number {
  let place = root
  let key = root.value
  for (const step of path) {
    const entry = stepInto(place, step)
    if (!entry) return key
    place = entry.place
    key = entry.key
  }
  return on === 'key' ? key : place.value
}

function stepInto(place: Place, step: string | number): Entry | undefined {
  const { below } = place
  if (below === undefined) return undefined
  if (!Array.isArray(below)) return (below as ReadonlyMap<string, Entry>).get(String(step))
  const item = /^\d+$/.test(String(step)) ? (below as readonly Place[])[Number(step)] : undefined
  return item && { key: item.value, place: item }
}

/** Places in it, itself included; shared ones count each time they are met, up to `limit`. */
export function countPlaces(place: Place, limit: number): number {
  let count = 0
  const open: Place[] = [place]
  for (let next = open.pop(); next && count < limit; next = open.pop()) {
    count += 1
    if (!next.below) continue
    for (const child of next.below.values()) open.push('place' in child ? child.place : child)
  }
  return count
}
