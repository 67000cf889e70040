import { type FieldSchema, isMap, type Json } from './schema.ts'

const DEFS = '#/$defs/'

/**
 * A schema with what it names under `$defs` in its place. What several places name is one object, and may hold itself: a form goes only as deep
 * as the document does.
 */
export function linked(schema: FieldSchema): FieldSchema {
  const { $defs: defs, ...root } = schema as FieldSchema & { readonly $defs?: Json }
  if (!isMap(defs)) return schema
  const made = new Map<string, Record<string, unknown>>()
  const begun = new Set<string>()
  const definition = (name: string): Json => {
    const known = made.get(name)
    if (known) return known
    const fresh: Record<string, unknown> = {}
    made.set(name, fresh)
    begun.add(name)
    Object.assign(fresh, walk(defs[name]))
    begun.delete(name)
    return fresh
  }
  const walk = (at: unknown): unknown => {
    if (Array.isArray(at)) return at.map(walk)
    if (!isMap(at)) return at
    const { $ref: ref, ...own } = at
    const rest = Object.fromEntries(Object.entries(own).map(([key, one]) => [key, walk(one)]))
    if (typeof ref !== 'string' || !ref.startsWith(DEFS)) return rest
    const name = ref.slice(DEFS.length)
    const found = definition(name)
    // Words of the place come before those of what it names, but for what is still being made: it has no words yet.
    return Object.keys(rest).length === 0 || begun.has(name) ? found : { ...found, ...rest }
  }
  return walk(root) as FieldSchema
}
