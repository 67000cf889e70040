import { follow } from './data.ts'
import type { Path } from './errors.ts'
import { Refusal } from './errors.ts'
import type { AliasTree, Collection, Slot, Tree } from './tree.ts'

/** Where an alias stands. */
export interface AliasSite {
  readonly owner: Collection
  readonly slot: Slot
  readonly alias: AliasTree
}

/** Every alias that is a value below `root`, in order. */
function aliasSites(root: Tree): AliasSite[] {
  const sites: AliasSite[] = []
  const walk = (tree: Tree): void => {
    if (tree.kind !== 'map' && tree.kind !== 'seq') return
    for (const slot of tree.slots) {
      if (slot.value.kind === 'alias') sites.push({ owner: tree, slot, alias: slot.value })
      else walk(slot.value)
    }
  }
  walk(root)
  return sites
}

/** The path of a node in a document; the way goes over the node that has the anchor, not over aliases. */
export function pathOf(root: Tree, wanted: Tree): Path | undefined {
  if (root === wanted) return []
  if (root.kind !== 'map' && root.kind !== 'seq') return undefined
  for (const [i, slot] of root.slots.entries()) {
    if (slot.value.kind === 'alias') continue
    const below = pathOf(slot.value, wanted)
    if (below) return [slot.key ?? i, ...below]
  }
  return undefined
}

/** The aliases of nodes that an edit changes or takes away, apart from those inside `gone`. */
export function usersOf(root: Tree, nodes: ReadonlySet<Tree>, gone: Tree | undefined): AliasSite[] {
  if (nodes.size === 0) return []
  const inside = (at: number): boolean => gone !== undefined && at >= gone.from && at < gone.end
  return aliasSites(root).filter(({ alias }) => nodes.has(alias.target) && !inside(alias.from))
}

/** The aliases that would stand above their anchor after slot `index` becomes number `to`. */
export function reordered(root: Tree, owner: Collection, index: number, to: number): AliasSite[] {
  const moved = owner.slots[index]!
  const low = owner.slots[Math.min(index, to)]!.start
  const high = owner.slots[Math.max(index, to)]!.end
  const inMoved = (at: number): boolean => at >= moved.start && at < moved.end
  const crosses = (at: number): boolean => at >= low && at < high && !inMoved(at)
  return aliasSites(root).filter(({ alias }) =>
    to > index ? inMoved(alias.target.from) && crosses(alias.from) : inMoved(alias.from) && crosses(alias.target.from),
  )
}

/** All nodes with an anchor in a tree, itself included. */
export function anchoredIn(tree: Tree): Set<Tree> {
  const found = new Set<Tree>()
  const walk = (at: Tree): void => {
    if (at.anchor !== undefined) found.add(at)
    if (at.kind === 'map' || at.kind === 'seq') for (const slot of at.slots) walk(slot.value)
  }
  walk(tree)
  return found
}

/** The tree of a key that a map has only through `<<`. */
export function mergedValue(
  sources: readonly Tree[],
  key: string,
  deeper: (map: Collection) => readonly Tree[],
): Tree | undefined {
  for (const source of sources) {
    if (source.kind !== 'map') continue
    const own = source.slots.find((slot) => !slot.merge && slot.key === key)
    if (own) return follow(own.value)
    const below = mergedValue(deeper(source), key, deeper)
    if (below) return below
  }
  return undefined
}

/** Copies are written out in full: a limit against texts that alias their way to gigabytes. @throws Refusal `TOO_LARGE` */
export function checkCopies(sites: readonly AliasSite[]): void {
  const weight = sites.reduce((total, { alias }) => total + alias.weight, 0)
  if (weight > 100_000)
    throw new Refusal('TOO_LARGE', 'writing out the aliases would make more than 100000 values', sites[0]!.alias.start)
}
