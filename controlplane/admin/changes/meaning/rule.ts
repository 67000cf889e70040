import type { Path } from '../../../diagnostics/diagnostic.ts'
import { type Json, listed, listOf, mapOf, type Statement, type Words, without } from './statement.ts'
import { fieldWords } from './words.ts'

/** What a change of a DestinationRule does. */
export function destinationRuleMeaning(old: Json, now: Json): readonly Statement[] {
  const host = String(now['host'] ?? old['host'])
  const title = both(host)
  return [
    ...policy(mapOf(old, 'trafficPolicy'), mapOf(now, 'trafficPolicy'), title, ['spec', 'trafficPolicy']),
    ...subsets(listOf(old, 'subsets'), listOf(now, 'subsets'), host),
    ...listed('', without(old, SPOKEN), without(now, SPOKEN), ['spec'], { ...title, from: 1 }),
  ]
}

const SPOKEN = ['trafficPolicy', 'subsets']

const TOPICS: Readonly<Record<string, string>> = {
  connectionPool: 'circuit-breaking',
  outlierDetection: 'circuit-breaking',
  loadBalancer: 'load-balancing',
  tls: 'tls',
}

function policy(old: Json, now: Json, title: Words, path: Path): readonly Statement[] {
  const fields = new Set([...Object.keys(old), ...Object.keys(now)])
  return [...fields].flatMap((field) => {
    if (field === 'port') return []
    if (field === 'portLevelSettings') return ports(listOf(old, field), listOf(now, field), title, [...path, field])
    const at = [...path, field]
    const words = fieldWords(field, undefined)
    const about = { en: `${title.en}, ${words.en}`, zh: `${title.zh} ${words.zh}`, from: at.length }
    return listed(TOPICS[field] ?? '', old[field], now[field], at, about)
  })
}

/** Settings of single ports, each told as those of its port. */
function ports(old: readonly Json[], now: readonly Json[], title: Words, path: Path): readonly Statement[] {
  const numbered = (list: readonly Json[]) =>
    new Map(list.map((settings, index) => [String(mapOf(settings, 'port')['number'] ?? '?'), { settings, index }]))
  const before = numbered(old)
  const after = numbered(now)
  return [...new Set([...after.keys(), ...before.keys()])].flatMap((number) => {
    const index = (after.get(number) ?? before.get(number))!.index
    const words = { en: `${title.en} port ${number}`, zh: `${title.zh} 端口 ${number}` }
    return policy(before.get(number)?.settings ?? {}, after.get(number)?.settings ?? {}, words, [...path, index])
  })
}

function subsets(old: readonly Json[], now: readonly Json[], host: string): readonly Statement[] {
  const named = (list: readonly Json[]) =>
    new Map(list.map((subset, index) => [String(subset['name']), { subset, index }]))
  const before = named(old)
  const after = named(now)
  const found: Statement[] = []
  for (const [name, { subset, index }] of after) {
    const path = ['spec', 'subsets', index]
    const from = before.get(name)?.subset
    const title = `${host} ${name}`
    if (!from) found.push({ topic: 'subset', en: `subset ${title} is new`, zh: `新增子集 ${title}`, path })
    else
      found.push(
        ...policy(mapOf(from, 'trafficPolicy'), mapOf(subset, 'trafficPolicy'), both(title), [
          ...path,
          'trafficPolicy',
        ]),
        ...listed('subset', without(from, ['trafficPolicy']), without(subset, ['trafficPolicy']), path, {
          ...{ en: `subset ${title}`, zh: `子集 ${title}` },
          from: path.length,
        }),
      )
  }
  for (const [name, { index }] of before)
    if (!after.has(name))
      found.push({
        topic: 'subset',
        en: `subset ${host} ${name} is removed`,
        zh: `移除子集 ${host} ${name}`,
        danger: true,
        path: ['spec', 'subsets', index],
      })
  return found
}

function both(name: string): Words {
  return { en: name, zh: name }
}
