import { isDeepStrictEqual } from 'node:util'
import type { Path } from '../../diagnostics/diagnostic.ts'
import { type Json, listed, listOf, mapOf, type Statement, step, without } from './statement.ts'

/** What a change of a DestinationRule does. */
export function destinationRuleMeaning(old: Json, now: Json): readonly Statement[] {
  const host = String(now['host'] ?? old['host'])
  return [
    ...policy(mapOf(old, 'trafficPolicy'), mapOf(now, 'trafficPolicy'), host, ['spec', 'trafficPolicy']),
    ...subsets(listOf(old, 'subsets'), listOf(now, 'subsets'), host),
    ...listed('', without(old, SPOKEN), without(now, SPOKEN), ['spec']),
  ]
}

const SPOKEN = ['trafficPolicy', 'subsets']

const TOPICS: Readonly<Record<string, readonly [topic: string, en: string, zh: string]>> = {
  connectionPool: ['circuit-breaking', 'connection limits', '连接池上限'],
  outlierDetection: ['circuit-breaking', 'outlier detection', '异常点摘除'],
  loadBalancer: ['load-balancing', 'load balancing', '负载均衡'],
  tls: ['tls', 'TLS', 'TLS'],
}

function policy(old: Json, now: Json, name: string, path: Path): readonly Statement[] {
  const fields = new Set([...Object.keys(old), ...Object.keys(now)])
  return [...fields].flatMap((field) => {
    if (isDeepStrictEqual(old[field], now[field])) return []
    const known = TOPICS[field]
    if (!known) return listed('', old[field], now[field], [...path, field])
    const [topic, en, zh] = known
    const at = [...path, field]
    if (old[field] === undefined || now[field] === undefined)
      return [step(topic, [`${name}, ${en}`, `${name} ${zh}`], old[field], now[field], at)]
    return listed(topic, old[field], now[field], at).map((one) => ({
      ...one,
      en: `${name}, ${en}: ${one.en}`,
      zh: `${name} ${zh}：${one.zh}`,
    }))
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
        ...policy(mapOf(from, 'trafficPolicy'), mapOf(subset, 'trafficPolicy'), title, [...path, 'trafficPolicy']),
        ...listed('subset', without(from, ['trafficPolicy']), without(subset, ['trafficPolicy']), path),
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
