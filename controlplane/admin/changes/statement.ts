import { isDeepStrictEqual } from 'node:util'
import { formatPath, type Path } from '../../diagnostics/diagnostic.ts'

export type Json = Readonly<Record<string, unknown>>

/** A sentence about a change in both languages, and where it stands. */
export interface Statement {
  readonly topic: string
  readonly en: string
  readonly zh: string
  readonly danger?: boolean
  readonly path: Path
}

const MOST_CHARACTERS = 120

/** A value as people write it, short. */
export function shown(value: unknown): string {
  if (value === undefined) return '–'
  const text =
    typeof value === 'string'
      ? value
      : JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? Number(one) : one))
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}

/** `what: a → b`, with words for what came and what went. */
export function step(topic: string, [en, zh]: readonly [string, string], old: unknown, now: unknown, path: Path) {
  if (old === undefined) return { topic, en: `${en}: set to ${shown(now)}`, zh: `${zh}：设为 ${shown(now)}`, path }
  if (now === undefined)
    return { topic, en: `${en}: removed (was ${shown(old)})`, zh: `${zh}：移除（原为 ${shown(old)}）`, path }
  return { topic, en: `${en}: ${shown(old)} → ${shown(now)}`, zh: `${zh}：${shown(old)} → ${shown(now)}`, path }
}

/** Every field that differs, by its path: for what has no words of its own. Lists of equal length are compared item by item. */
export function listed(topic: string, old: unknown, now: unknown, path: Path): readonly Statement[] {
  if (isDeepStrictEqual(old, now)) return []
  if (isMap(old) && isMap(now))
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key) =>
      listed(topic, old[key], now[key], [...path, key]),
    )
  if (Array.isArray(old) && Array.isArray(now) && old.length === now.length)
    return old.flatMap((item, index) => listed(topic, item, now[index], [...path, index]))
  const name = formatPath(path)
  return [step(topic || 'field', [name, name], old, now, path)]
}

export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A field that holds a map; an empty one when it does not. */
export function mapOf(value: unknown, key: string): Json {
  const found = isMap(value) ? value[key] : undefined
  return isMap(found) ? found : {}
}

/** A field that holds a list of maps. */
export function listOf(value: unknown, key: string): readonly Json[] {
  const found = isMap(value) ? value[key] : undefined
  return Array.isArray(found) ? found.filter(isMap) : []
}

/** The map without some of its fields. */
export function without(map: Json, fields: readonly string[]): Json {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !fields.includes(key)))
}
