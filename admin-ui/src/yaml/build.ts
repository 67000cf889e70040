import type { CST, Document, Pair, ParsedNode } from 'yaml'
import { isAlias, isCollection, isPair, isScalar, YAMLMap, YAMLSeq } from 'yaml'
import { Refusal } from './errors.ts'
import type { Collection, OpaqueTree, Place, ScalarTree, Slot, Tree } from './tree.ts'

type Token = CST.Token
type Item = CST.CollectionItem

/** Aliases written out may not make more values, or more levels, than this. */
const maxWeight = 1_000_000
export const maxHeight = 200

const none: readonly CST.SourceToken[] = []
const blanks = new Set(['space', 'newline', 'comment', 'comma', 'byte-order-mark'])

/** The tree of one composed document. `token` is its document token, `undefined` for a text without one. */
export function treeOf(
  text: string,
  document: Document.Parsed | undefined,
  token: CST.Document | undefined,
  emptyAt: number,
): Tree {
  const builder = new Builder(text)
  const props = token?.start.filter((part) => part.type !== 'doc-start') ?? []
  return builder.node(document?.contents, token?.value, props, emptyAt)
}

class Builder {
  readonly #text: string
  /** The latest node of every anchor so far; its tree is missing while it is being built. */
  readonly #anchors = new Map<string, { tree?: Tree }>()

  constructor(text: string) {
    this.#text = text
  }

  /** `before`: the tokens between the node's indicator and its value; `empty`: the offset behind that indicator. */
  node(
    node: ParsedNode | null | undefined,
    token: Token | null | undefined,
    before: readonly CST.SourceToken[],
    empty: number,
  ): Tree {
    const props = before.some(isProperty) ? before.filter(isProperty) : none
    const written = token && !(token.type === 'scalar' && token.source === '')
    const last = props.at(-1)
    const start = written ? token.offset : last ? last.offset + last.source.length : empty
    const from = props[0]?.offset ?? start
    const anchor = node && !isAlias(node) ? node.anchor : undefined
    const entry: { tree?: Tree } | undefined = anchor ? {} : undefined
    if (anchor && entry) this.#anchors.set(anchor, entry)
    const tree = this.#build(node, written ? token : undefined, { from, start, anchor })
    if (tree.weight > maxWeight) throw new Refusal('TOO_LARGE', `aliases stand for more than ${maxWeight} values`, from)
    if (tree.height > maxHeight) throw new Refusal('TOO_DEEP', `aliases make more than ${maxHeight} levels`, from)
    if (entry) entry.tree = tree
    return tree
  }

  #build(
    node: ParsedNode | null | undefined,
    token: Token | undefined,
    place: Pick<Place, 'from' | 'start' | 'anchor'>,
  ): Tree {
    const { from, start, anchor } = place
    if (!token) {
      return {
        from,
        start,
        anchor,
        kind: 'scalar',
        style: 'empty',
        value: isScalar(node) ? node.value : null,
        headerEnd: start,
        end: start,
        weight: 1,
        height: 0,
      }
    }
    if (isAlias(node)) {
      const entry = this.#anchors.get(node.source)
      if (!entry) throw new Refusal('SYNTAX', `alias *${node.source} has no anchor above it`, start)
      const target = entry.tree
      if (!target) throw new Refusal('CIRCULAR', `alias *${node.source} stands inside the value it names`, start)
      return {
        from,
        start,
        anchor,
        kind: 'alias',
        name: node.source,
        target,
        end: sourceEnd(token),
        weight: target.weight,
        height: target.height,
      }
    }
    if (node && isScalar(node)) return this.#scalar(node.value, token, place)
    if (token.type === 'flow-collection' && isCollection(node) && plainCollection(node))
      return this.#flow(node, token, place)
    if ((token.type === 'block-map' || token.type === 'block-seq') && isCollection(node) && plainCollection(node)) {
      return this.#block(node, token, place)
    }
    return this.#opaque(node, start, endOf(token), place)
  }

  #scalar(value: unknown, token: Token, place: Pick<Place, 'from' | 'start' | 'anchor'>): ScalarTree {
    const { from, start, anchor } = place
    if (token.type === 'block-scalar') {
      const header = token.props.find((part) => part.type === 'block-scalar-header')
      const source = header && 'source' in header ? header.source : '|'
      const at = header?.offset ?? start
      const style = source.startsWith('>') ? 'folded' : 'literal'
      return {
        anchor,
        start: at,
        from: Math.min(from, at),
        kind: 'scalar',
        style,
        value,
        headerEnd: at + source.length,
        end: endOf(token),
        weight: 1,
        height: 0,
      }
    }
    const style =
      token.type === 'single-quoted-scalar' ? 'single' : token.type === 'double-quoted-scalar' ? 'double' : 'plain'
    return {
      from,
      start,
      anchor,
      kind: 'scalar',
      style,
      value,
      headerEnd: start,
      end: sourceEnd(token),
      weight: 1,
      height: 0,
    }
  }

  #opaque(
    node: ParsedNode | null | undefined,
    start: number,
    end: number,
    place: Pick<Place, 'from' | 'anchor'>,
  ): OpaqueTree {
    return {
      ...place,
      start,
      end,
      kind: 'opaque',
      value: `${node?.tag ?? ''} ${this.#text.slice(start, end)}`,
      weight: 1,
      height: 0,
    }
  }

  #block(
    node: YAMLMap.Parsed | YAMLSeq.Parsed,
    token: CST.BlockMap | CST.BlockSequence,
    place: Pick<Place, 'from' | 'start' | 'anchor'>,
  ): Collection {
    const slots: Slot[] = []
    for (const item of token.items) {
      const content = item.start.some((part) => !blanks.has(part.type))
      if (!content && !item.key && !item.sep && !item.value) continue
      const child = node.items[slots.length]
      if (child === undefined) throw new Refusal('SYNTAX', 'cannot follow this layout', place.start)
      slots.push(
        isPair(child)
          ? this.#entry(child as Pair<ParsedNode, ParsedNode | null>, item)
          : this.#item(child as ParsedNode, item),
      )
    }
    const first = slots[0]
    if (!first || slots.length !== node.items.length)
      throw new Refusal('SYNTAX', 'cannot follow this layout', place.start)
    const start = first.start
    const column = start - (this.#text.lastIndexOf('\n', start - 1) + 1)
    return {
      anchor: place.anchor,
      start,
      from: Math.min(place.from, start),
      kind: token.type === 'block-map' ? 'map' : 'seq',
      flow: false,
      bare: false,
      column: start === 0 ? 0 : column,
      slots,
      commas: [],
      end: slots.at(-1)!.end,
      weight: weightOf(slots),
      height: heightOf(slots),
    }
  }

  #flow(
    node: YAMLMap.Parsed | YAMLSeq.Parsed,
    token: CST.FlowCollection,
    place: Pick<Place, 'from' | 'start' | 'anchor'>,
  ): Collection {
    const slots: Slot[] = []
    const commas: (number | undefined)[] = []
    const map = node instanceof YAMLMap
    for (const item of token.items) {
      const comma = item.start.find((part) => part.type === 'comma')
      if (comma) commas[slots.length - 1] = comma.offset
      const content = item.start.some((part) => !blanks.has(part.type))
      if (!content && !item.key && !item.sep && !item.value) continue
      const child = node.items[slots.length]
      if (child === undefined) throw new Refusal('SYNTAX', 'cannot follow this layout', place.start)
      if (map) slots.push(this.#entry(child as Pair<ParsedNode, ParsedNode | null>, item))
      else if (item.sep || item.key) slots.push(this.#pairItem(child as ParsedNode, item))
      else slots.push(this.#item(child as ParsedNode, item))
    }
    if (slots.length !== node.items.length) throw new Refusal('SYNTAX', 'cannot follow this layout', place.start)
    const close = token.end[0]
    const end = close ? close.offset + close.source.length : token.offset + 1
    const { from, start, anchor } = place
    return {
      from,
      start,
      anchor,
      kind: map ? 'map' : 'seq',
      flow: true,
      bare: false,
      column: 0,
      slots,
      commas,
      end,
      weight: weightOf(slots),
      height: heightOf(slots),
    }
  }

  #entry(pair: Pair<ParsedNode, ParsedNode | null>, item: Item): Slot {
    const first = item.start.find((part) => !blanks.has(part.type))
    const question = item.start.some((part) => part.type === 'explicit-key-ind')
    const colon = item.sep?.find((part) => part.type === 'map-value-ind')
    const keyStart = first ? first.offset + first.source.length : (item.key?.offset ?? colon?.offset ?? 0)
    const key = this.node(pair.key, item.key, item.start, keyStart)
    const start = first?.offset ?? (item.key ? key.from : (colon?.offset ?? key.from))
    const headEnd = colon ? colon.offset + 1 : key.end
    const after = colon ? (item.sep ?? []).slice(item.sep!.indexOf(colon) + 1) : []
    const value = this.node(pair.value, item.value, after, headEnd)
    const scalar = key.kind === 'scalar'
    const symbol = scalar && typeof key.value === 'symbol'
    return {
      key: symbol ? '<<' : this.#keyName(key),
      merge: symbol || (scalar && key.value === '<<' && key.style === 'plain'),
      complex: question || !scalar || key.style === 'literal' || key.style === 'folded' || key.style === 'empty',
      keyFrom: key.start,
      keyTo: key.end,
      keyStyle: scalar ? key.style : 'plain',
      start,
      headEnd,
      colon: colon !== undefined,
      end: Math.max(value.end, headEnd),
      value,
    }
  }

  #item(node: ParsedNode, item: Item): Slot {
    const dash = item.start.findIndex((part) => part.type === 'seq-item-ind')
    const rest = item.start.slice(dash + 1).filter((part) => part.type !== 'comma')
    const mark = item.start[dash]
    const empty = mark ? mark.offset + 1 : (rest[0]?.offset ?? item.value?.offset ?? 0)
    const value = this.node(node, item.value, rest, empty)
    const start = mark?.offset ?? value.from
    return listSlot(start, mark ? mark.offset + 1 : start, Math.max(value.end, mark ? mark.offset + 1 : 0), value)
  }

  /** `[a: b]`: the library has no source token for such a map. */
  #pairItem(node: ParsedNode, item: Item): Slot {
    const pair = (node as unknown as YAMLMap.Parsed).items[0] as Pair<ParsedNode, ParsedNode | null>
    const slot = this.#entry(pair, item)
    const { start, end } = slot
    const value: Collection = {
      from: start,
      start,
      end,
      anchor: undefined,
      kind: 'map',
      flow: true,
      bare: true,
      column: 0,
      slots: [slot],
      commas: [],
      weight: weightOf([slot]),
      height: heightOf([slot]),
    }
    return listSlot(start, start, end, value)
  }

  #keyName(key: Tree): string {
    if (key.kind === 'scalar') return key.value === null ? '' : String(key.value)
    if (key.kind === 'alias') return this.#keyName(key.target)
    return this.#text.slice(key.start, key.end)
  }
}

function listSlot(start: number, headEnd: number, end: number, value: Tree): Slot {
  return {
    key: undefined,
    merge: false,
    complex: false,
    keyFrom: 0,
    keyTo: 0,
    keyStyle: 'plain',
    start,
    headEnd,
    colon: true,
    end,
    value,
  }
}

function plainCollection(node: object): node is YAMLMap.Parsed | YAMLSeq.Parsed {
  return node.constructor === YAMLMap || node.constructor === YAMLSeq
}

function isProperty(part: CST.SourceToken): boolean {
  return part.type === 'anchor' || part.type === 'tag'
}

function weightOf(slots: readonly Slot[]): number {
  return slots.reduce((total, slot) => total + slot.value.weight, 1)
}

function heightOf(slots: readonly Slot[]): number {
  return 1 + slots.reduce((most, slot) => Math.max(most, slot.value.height), 0)
}

function sourceEnd(token: Token): number {
  return 'source' in token ? token.offset + token.source.length : endOf(token)
}

/** End of a token of any kind, trailing blanks and comments left out. */
function endOf(token: Token): number {
  if (token.type === 'block-scalar') {
    const props = token.props.reduce((total, part) => total + ('source' in part ? part.source.length : 0), 0)
    return (token.props[0]?.offset ?? token.offset) + props + token.source.length
  }
  if (token.type === 'flow-collection')
    return token.end[0] ? token.end[0].offset + token.end[0].source.length : token.offset + 1
  if (token.type === 'block-map' || token.type === 'block-seq') {
    const last = token.items.at(-1)
    if (last?.value) return endOf(last.value)
    if (last?.key) return endOf(last.key)
    return token.offset
  }
  return 'source' in token ? token.offset + token.source.length : 0
}
