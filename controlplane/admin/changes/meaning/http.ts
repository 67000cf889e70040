import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../../../config/plain-object.ts'
import type { Path } from '../../../diagnostics/diagnostic.ts'
import { type Json, listed, listOf, mapOf, type Statement, step, without } from './statement.ts'
import { valueWords } from './words.ts'

/** What a change of a VirtualService does. */
export function httpMeaning(old: Json, now: Json): readonly Statement[] {
  return [
    ...hosts(old['hosts'], now['hosts']),
    ...routes(listOf(old, 'http'), listOf(now, 'http'), 'http'),
    ...routes(listOf(old, 'tcp'), listOf(now, 'tcp'), 'tcp'),
    ...routes(listOf(old, 'tls'), listOf(now, 'tls'), 'tls'),
    ...listed('', without(old, ROUTES), without(now, ROUTES), ['spec']),
  ]
}

const ROUTES = ['hosts', 'http', 'tcp', 'tls']
/** Fields of a route that have words of their own. */
const SPOKEN = ['route', 'fault', 'timeout', 'retries', 'mirror', 'mirrors', 'mirrorPercentage', 'match', 'name']

function hosts(old: unknown, now: unknown): readonly Statement[] {
  const list = (value: unknown) => (Array.isArray(value) ? value.map(String) : [])
  const path = ['spec', 'hosts']
  return [
    ...list(now)
      .filter((host) => !list(old).includes(host))
      .map((host) => ({ topic: 'hosts', en: `host ${host} added`, zh: `新增主机 ${host}`, path })),
    ...list(old)
      .filter((host) => !list(now).includes(host))
      .map((host) => ({ topic: 'hosts', en: `host ${host} removed`, zh: `移除主机 ${host}`, danger: true, path })),
  ]
}

/** Routes are the same one when they have the same name, else the same match, else the same place. */
function routes(old: readonly Json[], now: readonly Json[], kind: string): readonly Statement[] {
  const free = new Set(old.keys())
  const pairs = new Map<number, number>()
  const pair = (same: (a: Json, b: Json, from: number, to: number) => boolean) => {
    now.forEach((route, index) => {
      if (pairs.has(index)) return
      for (const candidate of free)
        if (same(old[candidate]!, route, candidate, index)) {
          pairs.set(index, candidate)
          free.delete(candidate)
          return
        }
    })
  }
  pair((a, b) => a['name'] !== undefined && a['name'] === b['name'])
  pair(isDeepStrictEqual)
  pair((a, b, from, to) => from === to && isDeepStrictEqual(a['match'], b['match']))
  pair((a, b) => isDeepStrictEqual(a['match'], b['match']))
  pair((a, b, from, to) => from === to && old.length === now.length && a['name'] === b['name'])
  const found: Statement[] = []
  now.forEach((route, index) => {
    const path = ['spec', kind, index]
    const from = pairs.get(index)
    if (from === undefined) {
      const { en, zh } = label(route, index)
      const what = summary(route)
      found.push({ topic: 'route', en: `${en} is new: ${what.en}`, zh: `新增${zh}：${what.zh}`, path })
      found.push(...newFaults(route, label(route, index), path))
    } else found.push(...oneRoute(old[from]!, route, label(route, index), path))
  })
  for (const index of free) {
    const { en, zh } = label(old[index]!, index)
    found.push({ topic: 'route', en: `${en} is removed`, zh: `移除${zh}`, danger: true, path: ['spec', kind, index] })
  }
  const order = [...pairs].sort(([a], [b]) => a - b).map(([, from]) => from)
  if (order.some((from, index) => index > 0 && from < order[index - 1]!))
    found.push({ topic: 'order', en: 'routes are in another order', zh: '路由顺序改变', path: ['spec', kind] })
  return found
}

/** Which requests a route takes and where they go. */
function summary(route: Json): Label {
  const when = route['match'] === undefined ? { en: 'everything', zh: '所有请求' } : valueWords(route['match'], 'match')
  const to = [...shares(listOf(route, 'route'))].map(([name, { share }]) => `${name} ${percent(share)}`).join(', ')
  return to === '' ? when : { en: `${when.en} → ${to}`, zh: `${when.zh} → ${to}` }
}

/** Faults of the routes of a VirtualService that is new. */
export function faultsOfNew(now: Json): readonly Statement[] {
  return listOf(now, 'http').flatMap((route, index) => newFaults(route, label(route, index), ['spec', 'http', index]))
}

function newFaults(route: Json, words: Label, path: Path): readonly Statement[] {
  return faults({}, mapOf(route, 'fault'), words, [...path, 'fault'], route)
}

/** Conditions by which people choose their own requests, for a test: all others are not touched. */
const CHOSEN = ['headers', 'queryParams', 'sourceLabels', 'sourceNamespace']

function isForFew(route: Json): boolean {
  const match = listOf(route, 'match')
  return (
    match.length > 0 &&
    match.every((one) =>
      CHOSEN.some((name) => Object.keys(mapOf(one, name)).length > 0 || typeof one[name] === 'string'),
    )
  )
}

interface Label {
  readonly en: string
  readonly zh: string
}

function label(route: Json, index: number): Label {
  const name = typeof route['name'] === 'string' ? `"${route['name']}"` : String(index + 1)
  return { en: `route ${name}`, zh: `路由 ${name}` }
}

function oneRoute(old: Json, now: Json, { en, zh }: Label, path: Path): readonly Statement[] {
  const say = (topic: string, what: readonly [string, string], field: string) =>
    listed(topic, old[field], now[field], [...path, field], {
      ...{ en: `${en}, ${what[0]}`, zh: `${zh} ${what[1]}` },
      from: path.length + 1,
    })
  return [
    ...say('match', ['match', '匹配条件'], 'match'),
    ...weights(listOf(old, 'route'), listOf(now, 'route'), path),
    ...faults(mapOf(old, 'fault'), mapOf(now, 'fault'), { en, zh }, [...path, 'fault'], now),
    ...say('timeout', ['timeout', '超时'], 'timeout'),
    ...say('retries', ['retries', '重试'], 'retries'),
    ...say('mirror', ['mirror', '镜像'], 'mirror'),
    ...say('mirror', ['mirrors', '镜像'], 'mirrors'),
    ...say('mirror', ['mirrored share', '镜像比例'], 'mirrorPercentage'),
    ...say('name', ['name', '名称'], 'name'),
    ...listed('', without(old, SPOKEN), without(now, SPOKEN), path, { en, zh, from: path.length }),
  ]
}

/** `reviews v2 10 % → 25 %`: shares of the sum of weights, as they take effect. */
function weights(old: readonly Json[], now: readonly Json[], path: Path): readonly Statement[] {
  const before = shares(old)
  const after = shares(now)
  const found: Statement[] = []
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const from = before.get(name)?.share
    const to = after.get(name)?.share
    if (from === to) continue
    const text = `${name} ${percent(from ?? 0)} → ${percent(to ?? 0)}`
    const index = after.get(name)?.index
    found.push({
      topic: 'weight',
      en: text,
      zh: text,
      danger: (from ?? 0) > 0 && (to ?? 0) === 0,
      path: index === undefined ? [...path, 'route'] : [...path, 'route', index],
    })
  }
  if (old.length === now.length)
    old.forEach((item, index) => {
      const rest = (one: Json) => without(one, ['destination', 'weight'])
      found.push(...listed('', rest(item), rest(now[index]!), [...path, 'route', index]))
    })
  return found
}

function shares(route: readonly Json[]): ReadonlyMap<string, { share: number; index: number }> {
  const weight = (item: Json) => (typeof item['weight'] === 'number' ? item['weight'] : route.length === 1 ? 1 : 0)
  const sum = route.reduce((total, item) => total + weight(item), 0)
  const found = new Map<string, { share: number; index: number }>()
  route.forEach((item, index) => {
    const { host, subset, port } = mapOf(item, 'destination')
    const number = isObject(port) ? port['number'] : undefined
    const name = [`${host ?? '?'}${number === undefined ? '' : `:${number}`}`, ...(subset ? [subset] : [])].join(' ')
    const share = sum === 0 ? 0 : (weight(item) / sum) * 100
    found.set(name, { share: (found.get(name)?.share ?? 0) + share, index })
  })
  return found
}

function faults(old: Json, now: Json, { en, zh }: Label, path: Path, route: Json): readonly Statement[] {
  const kinds = [
    ['delay', 'delay', '延迟注入', 'fixedDelay'],
    ['abort', 'abort', '中断注入', 'httpStatus'],
  ] as const
  return kinds.flatMap(([field, inEnglish, inChinese, what]) => {
    const from = isObject(old[field]) ? old[field] : undefined
    const to = isObject(now[field]) ? now[field] : undefined
    if (isDeepStrictEqual(from, to)) return []
    const text = (fault: Json) => {
      const { value } = mapOf(fault, 'percentage')
      const share = typeof value === 'number' ? value : typeof fault['percent'] === 'number' ? fault['percent'] : 100
      return {
        share,
        words: `${fault[what] ?? fault['grpcStatus'] ?? fault['exponentialDelay'] ?? '?'} × ${percent(share)}`,
      }
    }
    const danger = to !== undefined && text(to).share === 100 && !isForFew(route)
    const made = step(
      'fault',
      [`${en}, fault ${inEnglish}`, `${zh} ${inChinese}`],
      from && text(from).words,
      to && text(to).words,
      [...path, field],
    )
    return [{ ...made, danger }]
  })
}

function percent(value: number): string {
  return `${Number(value.toFixed(2))} %`
}
