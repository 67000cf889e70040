import { dataOf, follow, isMap, mergeSources, sameData, withEntry, withoutEntry } from './data.ts'
import type { Path } from './errors.ts'
import { formatPath, Refusal } from './errors.ts'
import type { AliasSite } from './shared.ts'
import { anchoredIn, checkCopies, mergedValue, pathOf, reordered, usersOf } from './shared.ts'
import type { Collection, Tree } from './tree.ts'

/** What to do with a node that several places share: change this place only, or all of them. */
export type Sharing = 'here' | 'everywhere'

/** An edit of one document, its value checked. */
export type Operation =
  | { readonly op: 'set'; readonly path: Path; readonly value: unknown }
  | { readonly op: 'delete'; readonly path: Path }
  | { readonly op: 'insert'; readonly path: Path; readonly value: unknown; readonly at?: number | undefined }
  | { readonly op: 'append'; readonly path: Path; readonly value: unknown }
  | { readonly op: 'rename'; readonly path: Path; readonly value: string }
  | { readonly op: 'move'; readonly path: Path; readonly value: number }

/** One change of the tree. `trail` leads from the root to the collection that changes, or to the slot that is replaced. */
export type Action =
  | { readonly kind: 'root'; readonly value: unknown }
  | {
      readonly kind: 'replace'
      readonly owner: Collection
      readonly index: number
      readonly value: unknown
      readonly anchor?: string
    }
  | {
      readonly kind: 'insert'
      readonly owner: Collection
      readonly index: number
      readonly key: string | undefined
      readonly value: unknown
    }
  | { readonly kind: 'remove'; readonly owner: Collection; readonly index: number }
  | { readonly kind: 'rename'; readonly owner: Collection; readonly index: number; readonly key: string }
  | { readonly kind: 'move'; readonly owner: Collection; readonly index: number; readonly to: number }

export interface Link {
  readonly owner: Collection
  readonly index: number
}

/** The next thing to do for an operation. All but `act` keep the meaning of the text and are followed by a new plan. */
export type Step =
  | { readonly kind: 'none' }
  | { readonly kind: 'redirect'; readonly path: Path }
  | { readonly kind: 'copy'; readonly sites: readonly AliasSite[] }
  | { readonly kind: 'own'; readonly action: Action; readonly trail: readonly Link[] }
  | { readonly kind: 'expand'; readonly owner: Collection; readonly trail: readonly Link[] }
  | { readonly kind: 'act'; readonly action: Action; readonly trail: readonly Link[] }

/**
 * The next step of an operation on a tree.
 * @throws Refusal `NO_PATH`, `KIND`, `EXISTS`, `SHARED`, `TOO_LARGE`
 */
export function planStep(text: string, root: Tree, operation: Operation, sharing: Sharing | undefined): Step {
  return new Planner(text, root, operation, sharing).step()
}

class Planner {
  readonly #text: string
  readonly #root: Tree
  readonly #operation: Operation
  readonly #sharing: Sharing | undefined
  readonly #trail: Link[] = []

  constructor(text: string, root: Tree, operation: Operation, sharing: Sharing | undefined) {
    this.#text = text
    this.#root = root
    this.#operation = operation
    this.#sharing = sharing
  }

  step(): Step {
    const { op, path } = this.#operation
    if (op !== 'append' && path.length === 0) return this.#rootStep()
    const depth = op === 'append' ? path.length : path.length - 1
    let node = this.#root
    for (let i = 0; i <= depth; i++) {
      if (node.kind === 'alias') return this.#throughAlias(node, path.slice(0, i))
      if (node.kind === 'scalar' && node.value === null) return this.#create(node, path.slice(i), path.slice(0, i))
      if (i === depth) break
      const key = path[i]!
      if (node.kind !== 'map' && node.kind !== 'seq') throw this.#kind(node, path.slice(0, i))
      const index = slotIndex(node, key)
      if (index === -1) return this.#missing(node, path.slice(i), path.slice(0, i))
      this.#trail.push({ owner: node, index })
      node = node.slots[index]!.value
    }
    if (node.kind !== 'map' && node.kind !== 'seq') throw this.#kind(node, path.slice(0, depth))
    return op === 'append' ? this.#append(node) : this.#inCollection(node, path.at(-1)!)
  }

  #rootStep(): Step {
    const { op } = this.#operation
    if (op !== 'set') throw new Refusal('NO_PATH', `the root of a document cannot be used with ${op}`, this.#root.start)
    const { value } = this.#operation as { value: unknown }
    if (sameData(dataOf(this.#text, this.#root), value)) return { kind: 'none' }
    return this.#act({ kind: 'root', value })
  }

  #throughAlias(node: Tree & { kind: 'alias' }, path: Path): Step {
    if (this.#sharing === undefined) {
      const message = `${formatPath(path)} is the alias *${node.name}: change it here only, or everywhere the anchor &${node.name} is used?`
      throw new Refusal('SHARED', message, node.start, ['here', 'everywhere'])
    }
    if (this.#sharing === 'everywhere')
      return this.#redirect(node.target, this.#operation.path.slice(path.length), node.start)
    const { owner, index } = this.#trail.at(-1)!
    return this.#copies([{ owner, slot: owner.slots[index]!, alias: node }])
  }

  #redirect(target: Tree, rest: Path, offset: number): Step {
    const base = pathOf(this.#root, target)
    if (!base) throw new Refusal('UNEDITABLE', 'the shared value cannot be reached by a path', offset)
    return { kind: 'redirect', path: [...base, ...rest] }
  }

  /** Something is to be put below a node that is null: the node becomes a collection. */
  #create(node: Tree, rest: Path, path: Path): Step {
    const value = this.#nested(rest, node, path)
    const link = this.#trail.at(-1)
    if (!link) return this.#guard(undefined, { kind: 'root', value })
    this.#trail.pop()
    return this.#guard(node, { kind: 'replace', ...link, value, ...this.#keptAnchor(node) })
  }

  #missing(node: Collection, rest: Path, path: Path): Step {
    const key = rest[0]!
    const source = typeof key === 'string' && node.kind === 'map' ? inherited(node, key) : undefined
    // What is put into an inherited value is put behind what is in it.
    if (source && (rest.length > 1 || this.#operation.op === 'append')) {
      if (this.#sharing === 'everywhere') return this.#redirect(source, rest.slice(1), source.start)
      const action: Action = {
        kind: 'insert',
        owner: node,
        index: node.slots.length,
        key: String(key),
        value: dataOf(this.#text, source),
      }
      return this.#guard(undefined, action, 'own')
    }
    if (node.kind === 'seq' && key !== node.slots.length) throw this.#noPath(node, [...path, key])
    return this.#put(node, node.slots.length, key, this.#nested(rest.slice(1), node, [...path, key]))
  }

  #nested(rest: Path, node: Tree, path: Path): unknown {
    const operation = this.#operation
    if (operation.op === 'delete' || operation.op === 'rename' || operation.op === 'move')
      throw this.#noPath(node, [...path, ...rest])
    const leaf = operation.op === 'append' ? [operation.value] : operation.value
    return [...rest].reverse().reduce<unknown>((value, key) => {
      if (typeof key === 'string') return Object.fromEntries([[key, value]])
      if (key !== 0) throw this.#noPath(node, [...path, ...rest])
      return [value]
    }, leaf)
  }

  #append(node: Collection): Step {
    if (node.kind !== 'seq') throw this.#kind(node, this.#operation.path)
    return this.#put(node, node.slots.length, node.slots.length, (this.#operation as { value: unknown }).value)
  }

  /** A new slot; an empty `{}` or `[]` in block context becomes a block. */
  #put(node: Collection, index: number, key: string | number, value: unknown): Step {
    if (node.kind === 'seq' && typeof key !== 'number') throw this.#kind(node, this.#operation.path.slice(0, -1))
    const name = node.kind === 'map' ? String(key) : undefined
    const link = this.#trail.at(-1)
    const empty = node.slots.length === 0 && this.#text.slice(node.start + 1, node.end - 1).trim() === ''
    if (!empty || link?.owner.flow)
      return this.#guard(undefined, { kind: 'insert', owner: node, index, key: name, value }, 'act', node)
    const filled = name === undefined ? [value] : Object.fromEntries([[name, value]])
    if (!link) return this.#guard(undefined, { kind: 'root', value: filled })
    this.#trail.pop()
    return this.#guard(node, { kind: 'replace', ...link, value: filled, ...this.#keptAnchor(node) })
  }

  #inCollection(node: Collection, key: string | number): Step {
    const operation = this.#operation
    const index = slotIndex(node, key)
    const source = node.kind === 'map' ? inherited(node, String(key)) : undefined
    switch (operation.op) {
      case 'insert': {
        if (node.kind === 'map' && (index !== -1 || source)) throw this.#exists(node, index, String(key))
        const at = node.kind === 'seq' ? key : (operation.at ?? node.slots.length)
        if (!isIndex(at, node.slots.length)) throw this.#noPath(node, operation.path)
        return this.#put(node, at, key, operation.value)
      }
      case 'set': {
        if (index !== -1) return this.#replace(node, index, operation.value)
        if (source && sameData(dataOf(this.#text, source), operation.value)) return { kind: 'none' }
        if (source && this.#sharing === 'everywhere') return this.#redirect(source, [], source.start)
        if (node.kind === 'seq' && key !== node.slots.length) throw this.#noPath(node, operation.path)
        return this.#put(node, node.slots.length, key, operation.value)
      }
      case 'move': {
        if (index === -1 || !isIndex(operation.value, node.slots.length - 1)) throw this.#noPath(node, operation.path)
        if (operation.value === index) return { kind: 'none' }
        const sites = reordered(this.#root, node, index, operation.value)
        if (sites.length > 0) return this.#copies(sites)
        return this.#guard(undefined, { kind: 'move', owner: node, index, to: operation.value }, 'act', node)
      }
      default:
        return this.#removeOrRename(node, index, key, source)
    }
  }

  #removeOrRename(node: Collection, index: number, key: string | number, source: Tree | undefined): Step {
    const operation = this.#operation
    if (index === -1 && !source) throw this.#noPath(node, operation.path)
    if (operation.op === 'rename') {
      if (node.kind !== 'map') throw this.#kind(node, operation.path.slice(0, -1))
      if (operation.value === key) return { kind: 'none' }
      const other = slotIndex(node, operation.value)
      if (other !== -1 || inherited(node, operation.value)) throw this.#exists(node, other, operation.value)
    }
    if (source) {
      const guarded = this.#guard(undefined, { kind: 'remove', owner: node, index: 0 }, 'act', node)
      return guarded.kind === 'act' ? { kind: 'expand', owner: node, trail: this.#trail } : guarded
    }
    if (operation.op === 'rename')
      return this.#guard(undefined, { kind: 'rename', owner: node, index, key: operation.value }, 'act', node)
    return this.#guard(node.slots[index]!.value, { kind: 'remove', owner: node, index }, 'act', node)
  }

  #replace(owner: Collection, index: number, value: unknown): Step {
    const old = owner.slots[index]!.value
    if (sameData(dataOf(this.#text, old), value)) return { kind: 'none' }
    if (old.kind === 'alias') {
      if (this.#sharing === 'everywhere') return this.#redirect(old.target, [], old.start)
      return this.#guard(undefined, { kind: 'replace', owner, index, value }, 'act', owner)
    }
    return this.#guard(old, { kind: 'replace', owner, index, value, ...this.#keptAnchor(old) }, 'act', owner)
  }

  #keptAnchor(old: Tree): { anchor?: string } {
    if (old.anchor === undefined || this.#sharing !== 'everywhere') return {}
    return usersOf(this.#root, new Set([old]), undefined).length > 0 ? { anchor: old.anchor } : {}
  }

  /** An action whose effect on other users of the nodes it touches is settled. `gone`: the node that it replaces or removes. */
  #guard(gone: Tree | undefined, action: Action, kind: 'act' | 'own' = 'act', container?: Tree): Step {
    const changed = new Set<Tree>()
    if (this.#root.anchor !== undefined) changed.add(this.#root)
    for (const { owner, index } of this.#trail) {
      for (const node of [owner, owner.slots[index]!.value]) if (node.anchor !== undefined) changed.add(node)
    }
    if (container?.anchor !== undefined) changed.add(container)
    const replaced = gone && action.kind === 'replace'
    if (replaced && gone.anchor !== undefined) changed.add(gone)
    const users = this.#sharing === 'everywhere' ? [] : usersOf(this.#root, changed, gone)
    const first = users[0]
    if (first && this.#sharing === undefined) {
      const places = users.length === 1 ? 'in one more place' : `in ${users.length} more places`
      const message = `this value is used ${places} through the anchor &${first.alias.name}: change it here only, or everywhere?`
      throw new Refusal('SHARED', message, first.alias.target.from, ['here', 'everywhere'])
    }
    const lost = gone ? anchoredIn(gone) : new Set<Tree>()
    if (action.kind === 'replace' && action.anchor !== undefined) lost.delete(gone!)
    const sites = [...new Set([...users, ...usersOf(this.#root, lost, gone)])]
    const copies = sites.filter((site, i) => sites.findIndex((other) => other.alias === site.alias) === i)
    return copies.length > 0 ? this.#copies(copies) : { kind, action, trail: this.#trail }
  }

  #copies(sites: readonly AliasSite[]): Step {
    checkCopies(sites)
    return { kind: 'copy', sites }
  }

  #act(action: Action): Step {
    return { kind: 'act', action, trail: this.#trail }
  }

  #kind(node: Tree, path: Path): Refusal {
    const what = node.kind === 'map' ? 'a map' : node.kind === 'seq' ? 'a list' : 'a single value'
    return new Refusal('KIND', `${formatPath(path)} is ${what}, which has no place for this`, node.start)
  }

  #noPath(node: Tree, path: Path): Refusal {
    return new Refusal('NO_PATH', `there is nothing at ${formatPath(path)}`, node.start)
  }

  #exists(node: Collection, index: number, key: string): Refusal {
    return new Refusal(
      'EXISTS',
      `the key ${JSON.stringify(key)} is already there`,
      node.slots[index]?.start ?? node.start,
    )
  }
}

function isIndex(value: unknown, last: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= last
}

/** Index of the slot a path's step names, -1 when there is none. */
export function slotIndex(node: Collection, step: string | number): number {
  if (node.kind === 'seq') return isIndex(step, node.slots.length - 1) ? step : -1
  const name = String(step)
  return node.slots.findIndex((slot) => !slot.merge && slot.key === name)
}

function inherited(map: Collection, key: string): Tree | undefined {
  return mergedValue(mergeSources(map), key, mergeSources)
}

/** What an action makes of its collection's data. @throws Refusal `KIND` when that is no collection */
export function afterAction(action: Exclude<Action, { kind: 'root' }>, data: unknown): unknown {
  const { owner, index } = action
  const key = action.kind === 'insert' ? action.key : owner.slots[index]?.key
  if (Array.isArray(data)) {
    const list = [...data]
    if (action.kind === 'insert') list.splice(index, 0, action.value)
    if (action.kind === 'replace') list[index] = action.value
    if (action.kind === 'remove') list.splice(index, 1)
    if (action.kind === 'move') list.splice(action.to, 0, ...list.splice(index, 1))
    return list
  }
  if (!isMap(data) || key === undefined) throw new Refusal('KIND', 'not a collection', follow(owner).start)
  if (action.kind === 'insert' || action.kind === 'replace') return withEntry(data, key, action.value)
  if (action.kind === 'remove') return withoutEntry(data, key)
  if (action.kind === 'rename') return withEntry(withoutEntry(data, key), action.key, data[key])
  return data
}
