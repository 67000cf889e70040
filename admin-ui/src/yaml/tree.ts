/** Where a node stands. All offsets are in the text that was parsed. */
export interface Place {
  /** Start of the value's anchor or tag, or of the value itself; for a value that is not written: where it would be. */
  readonly from: number
  /** Start of the value behind its anchor and tag. */
  readonly start: number
  /** End of the last token with a meaning: no trailing blank, comment or line break. A block scalar ends behind its last line break. */
  readonly end: number
  readonly anchor: string | undefined
  /** Number of values in the node with every alias written out. */
  readonly weight: number
  /** Levels of collections in the node with every alias written out. */
  readonly height: number
}

export interface ScalarTree extends Place {
  readonly kind: 'scalar'
  readonly style: 'plain' | 'single' | 'double' | 'literal' | 'folded' | 'empty'
  readonly value: unknown
  /** End of a block scalar's `|` or `>` with its indicators; `start` for all others. */
  readonly headerEnd: number
}

export interface AliasTree extends Place {
  readonly kind: 'alias'
  readonly name: string
  readonly target: Tree
}

/** Something that is only replaced as a whole, like the sets of YAML 1.1. */
export interface OpaqueTree extends Place {
  readonly kind: 'opaque'
  readonly value: unknown
}

export interface Collection extends Place {
  readonly kind: 'map' | 'seq'
  readonly flow: boolean
  /** `[a: b]`: a map of one entry without braces. */
  readonly bare: boolean
  /** Column of a block collection's items (of `-`, of the keys). */
  readonly column: number
  readonly slots: readonly Slot[]
  /** Flow: `commas[i]` is the offset of the comma behind slot i, if there is one. */
  readonly commas: readonly (number | undefined)[]
}

export type Tree = ScalarTree | AliasTree | OpaqueTree | Collection

/** One item of a list or one entry of a map, from its first token to its last. */
export interface Slot {
  /** The entry's key as JavaScript names it; undefined in a list. */
  readonly key: string | undefined
  /** `<<` */
  readonly merge: boolean
  /** Written with `?`, or with a key that is no scalar. */
  readonly complex: boolean
  readonly keyFrom: number
  readonly keyTo: number
  readonly keyStyle: ScalarTree['style']
  /** Start of the first anchor, tag, `?`, `-` or of the key. */
  readonly start: number
  /** End of `-` or `:`; of the key when there is no `:`. */
  readonly headEnd: number
  readonly colon: boolean
  readonly end: number
  readonly value: Tree
}
