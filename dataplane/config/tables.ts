import type { RouteTable } from '../configuration.ts'
import type { ReadTable } from './route.ts'

interface Joined {
  readonly sources: readonly ReadTable[]
  readonly table: RouteTable
}

/** Tables joined with their parts. A table whose sources did not change stays the same object. */
export class JoinedTables {
  #joined = new Map<string, Joined>()

  /**
   * Every table that is no part of another. One of which a part has not come stays as it was when it was last whole; one that never was
   * is left out, since the routes behind the gap would take messages that are not theirs.
   */
  join(held: ReadonlyMap<string, ReadTable>): readonly RouteTable[] {
    const parts = new Set([...held.values()].flatMap((table) => table.parts))
    const next = new Map<string, Joined>()
    for (const [name, table] of held) {
      if (parts.has(name)) continue
      const found = joinOne(table, held, this.#joined.get(name))
      if (found) next.set(name, found)
    }
    this.#joined = next
    return [...next.values()].map(({ table }) => table)
  }
}

function joinOne(
  table: ReadTable,
  held: ReadonlyMap<string, ReadTable>,
  before: Joined | undefined,
): Joined | undefined {
  const sources = [table]
  for (const name of table.parts) {
    const part = held.get(name)
    if (!part) return before
    sources.push(part)
  }
  if (before && before.sources.length === sources.length && sources.every((one, i) => one === before.sources[i]))
    return before
  const { parts, ...own } = table
  if (parts.length === 0) return { sources, table: own }
  const routes = [...sources.slice(1).flatMap((part) => part.routes), ...table.routes]
  return { sources, table: { ...own, routes } }
}
