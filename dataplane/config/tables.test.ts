import { describe, expect, it } from 'vitest'
import type { ReadTable } from './route.ts'
import { JoinedTables } from './tables.ts'

const table = (name: string, routes: readonly string[], parts: readonly string[] = []): ReadTable => ({
  name,
  parts,
  routes: routes.map((route) => ({ name: route, match: [], action: { destinations: [] } })),
})
const held = (...tables: readonly ReadTable[]) => new Map(tables.map((one) => [one.name, one]))
const names = (joined: ReturnType<JoinedTables['join']>) =>
  joined.map((one) => `${one.name}: ${one.routes.map(({ name }) => name).join(' ')}`)

describe('tables in parts', () => {
  it('the routes of the parts come first, in the order the table says; parts are no tables of their own', () => {
    const tables = new JoinedTables()
    expect(
      names(tables.join(held(table('t#1', ['c']), table('t', ['z'], ['t#2', 't#1']), table('t#2', ['a', 'b'])))),
    ).toEqual(['t: a b c z'])
  })

  it('a table whose sources did not change is the same object, so that nothing is compiled again', () => {
    const tables = new JoinedTables()
    const part = table('t#1', ['a'])
    const whole = table('t', ['z'], ['t#1'])
    const [first] = tables.join(held(part, whole))
    expect(tables.join(held(part, whole))[0]).toBe(first)
    const [next] = tables.join(held(table('t#1', ['b']), whole))
    expect(next).not.toBe(first)
    expect(next!.routes.at(-1)).toBe(first!.routes.at(-1))
  })

  it('while a part is missing the last whole table counts, and none that never was whole', () => {
    const tables = new JoinedTables()
    const part = table('t#1', ['a'])
    expect(names(tables.join(held(table('t', ['z'], ['t#1']))))).toEqual([])
    expect(names(tables.join(held(part, table('t', ['z'], ['t#1']))))).toEqual(['t: a z'])
    expect(names(tables.join(held(part, table('t', ['z'], ['t#1', 't#2']))))).toEqual(['t: a z'])
    expect(names(tables.join(held(part, table('t', ['z'], ['t#1', 't#2']), table('t#2', ['b']))))).toEqual(['t: a b z'])
  })
})
