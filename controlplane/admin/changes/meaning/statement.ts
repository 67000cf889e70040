import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../../config/plain-object.ts'
import { formatPath, type Path } from '../../../diagnostics/diagnostic.ts'
import { placeWords, valueWords, type Words } from './words.ts'

export type { Words } from './words.ts'
export type Json = Readonly<Record<string, unknown>>

/** A sentence about a change in both languages, and where it stands. */
export interface Statement {
  readonly topic: string
  readonly en: string
  readonly zh: string
  readonly danger?: boolean
  readonly path: Path
}

/** `what: a → b`, with words for what came and what went. */
export function step(topic: string, [en, zh]: readonly [string, string], old: unknown, now: unknown, path: Path) {
  const within = path.findLast((one) => typeof one === 'string') as string | undefined
  const [from, to] = [valueWords(old, within), valueWords(now, within)]
  if (old === undefined) return { topic, en: `${en}: set to ${to.en}`, zh: `${zh}：设为 ${to.zh}`, path }
  if (now === undefined)
    return { topic, en: `${en}: removed (was ${from.en})`, zh: `${zh}：移除（原为 ${from.zh}）`, path }
  return { topic, en: `${en}: ${from.en} → ${to.en}`, zh: `${zh}：${from.zh} → ${to.zh}`, path }
}

/**
 * Every field that differs, by its path: for what has no words of its own. Lists of equal length are compared item by item.
 * @param about what the fields belong to and from which step of the path on they are told; absent: by their whole path
 */
export function listed(
  topic: string,
  old: unknown,
  now: unknown,
  path: Path,
  about?: Words & { readonly from: number },
): readonly Statement[] {
  if (isDeepStrictEqual(old, now)) return []
  if (isObject(old) && isObject(now))
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key) =>
      listed(topic, old[key], now[key], [...path, key], about),
    )
  if (Array.isArray(old) && Array.isArray(now) && old.length === now.length)
    return old.flatMap((item, index) => listed(topic, item, now[index], [...path, index], about))
  if (!about) {
    const name = formatPath(path)
    return [step(topic || 'field', [name, name], old, now, path)]
  }
  const place = placeWords(path.slice(about.from))
  const name: readonly [string, string] =
    path.length > about.from ? [`${about.en}, ${place.en}`, `${about.zh} ${place.zh}`] : [about.en, about.zh]
  return [step(topic || 'field', name, old, now, path)]
}

/** A field that holds a map; an empty one when it does not. */
export function mapOf(value: unknown, key: string): Json {
  const found = isObject(value) ? value[key] : undefined
  return isObject(found) ? found : {}
}

/** A field that holds a list of maps. */
export function listOf(value: unknown, key: string): readonly Json[] {
  const found = isObject(value) ? value[key] : undefined
  return Array.isArray(found) ? found.filter(isObject) : []
}

/** The map without some of its fields. */
export function without(map: Json, fields: readonly string[]): Json {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !fields.includes(key)))
}
