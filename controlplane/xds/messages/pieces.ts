import { cell, cells, sameItems } from '../../model/cells.ts'
import { MESH_GATEWAY, type World } from '../../model/index.ts'
import { named } from '../../model/lasting.ts'
import type { Scope } from '../../model/scope.ts'
import { type MsgRouter, msgRoutersAt } from './msg-router.ts'
import type { MessagePlan } from './plans.ts'
import { type CompiledTable, compileMessageTable, compilePiece } from './table.ts'

/** Fewer MsgRouters stay in the table itself. */
const fewest = 128
/** A router whose name has this remainder ends a piece: pieces have about so many routers. A power of two. */
const usualLength = 64

/** Part of a table's MsgRouters, in their order. */
export interface Piece {
  readonly name: string
  readonly routers: readonly MsgRouter[]
}

/**
 * Cuts MsgRouters in order of precedence into pieces. Where a piece ends depends on the router that ends it alone, and the piece is named
 * for it: a router that is changed, added or taken away changes one piece and leaves all others as they are. Few routers make none.
 */
export function cut(table: string, routers: readonly MsgRouter[]): readonly Piece[] {
  if (routers.length < fewest) return []
  const pieces: Piece[] = []
  let start = 0
  routers.forEach(({ key }, index) => {
    const hash = hashOf(key)
    const last = index === routers.length - 1
    if (!last && hash % usualLength !== 0) return
    // The last piece may end anywhere; were it named for its end, a router behind it would rename it.
    const name = `${table}#${hash % usualLength === 0 ? hash.toString(16).padStart(8, '0') : 'end'}`
    pieces.push({ name: unused(pieces, name), routers: routers.slice(start, index + 1) })
    start = index + 1
  })
  return pieces
}

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

function unused(pieces: readonly Piece[], name: string): string {
  return pieces.some((piece) => piece.name === name) ? unused(pieces, `${name}+`) : name
}

/** A table with its pieces, each compiled when asked for and again only when something it reads has changed. */
export interface TableFamily {
  /** Of the table and of its pieces. */
  names(): readonly string[]
  get(name: string): CompiledTable | undefined
}

/** The family of a plan's table. Without a plan it has no names. */
export function tableFamily(world: World, scope: Scope, plan: () => MessagePlan | undefined): TableFamily {
  const routers = cell((): readonly MsgRouter[] => {
    const found = plan()
    if (!found || found.place.kind === 'inbound') return []
    const gateway = found.place.kind === 'gateway' ? found.place.gateway : MESH_GATEWAY
    return msgRoutersAt(world, scope, found.protocol, gateway)
  }, sameItems)
  const pieces = cell(() => {
    const found = plan()
    return found ? cut(found.table, routers()) : []
  })
  const byName = cell(() => new Map(pieces().map((piece) => [piece.name, piece.routers])))
  const names = cell(() => pieces().map(({ name }) => name), sameItems)
  const all = cell(() => {
    const found = plan()
    return found ? [...names(), found.table] : []
  }, sameItems)
  const members = cells<readonly MsgRouter[]>((name) => byName().get(name) ?? [], sameItems, {
    lasting: named(names),
  })
  const compiled = cells<CompiledTable | undefined>(
    (name) => {
      const found = plan()
      if (!found) return undefined
      if (name === found.table)
        return compileMessageTable(world, scope, found, names().length > 0 ? [] : routers(), names())
      const own = members(name)
      return own.length > 0 ? compilePiece(world, scope, found, name, own) : undefined
    },
    undefined,
    { lasting: named(all) },
  )
  return {
    names: all,
    get: compiled,
  }
}
