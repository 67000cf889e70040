import { isDeepStrictEqual } from 'node:util'
import type { ConfigObject } from '../../../config/object.ts'
import { isObject } from '../../../config/plain-object.ts'
import { type Place, places } from '../../../explain/step.ts'
import { changedObjects } from '../changed-objects.ts'
import { faultsOfNew, httpMeaning } from './http.ts'
import { destinationRuleMeaning } from './rule.ts'
import { type Json, listed, mapOf, type Statement, step, without } from './statement.ts'

/** One thing a change does, in words. */
export interface Meaning {
  /** `<kind>/<namespace>/<name>` */
  readonly object: string
  /** What it is about: `weight`, `fault`, `timeout`, …; `field` for anything without words of its own. */
  readonly topic: string
  readonly text: { readonly en: string; readonly zh: string }
  /** Whether it can stop traffic: something deleted, all requests failing, a share going to nothing. */
  readonly danger: boolean
  /** Where it stands, in the new configuration if it is there, else in the old one. */
  readonly place: Place
}

const MOST_MEANINGS = 500
type Objects = ReadonlyMap<string, ConfigObject>

/**
 * What the step from one configuration to another does, in words, by object in order of name.
 * @param changed keys of the objects that differ
 */
export function meaningOf(
  before: Objects,
  after: Objects,
  changed: readonly string[] = changedObjects(before, after),
): readonly Meaning[] {
  const found: Meaning[] = []
  for (const key of changed) {
    const old = before.get(key)
    const now = after.get(key)
    const object = (now ?? old)!
    for (const { topic, en, zh, danger = false, path } of statements(old, now)) {
      if (found.length >= MOST_MEANINGS) return found
      found.push({ object: key, topic, text: { en, zh }, danger, place: places([{ object, path }])[0]! })
    }
  }
  return found
}

function statements(old: ConfigObject | undefined, now: ConfigObject | undefined): readonly Statement[] {
  if (!old) {
    const { kind, namespace, name } = now!
    return [
      { topic: 'new', en: `${kind} ${namespace}/${name} is new`, zh: `新增 ${kind} ${namespace}/${name}`, path: [] },
      ...(kind === 'VirtualService' ? faultsOfNew(now!.spec as Json) : totalFaults({}, now!.spec as Json, ['spec'])),
    ]
  }
  const { kind, namespace, name } = old
  if (!now)
    return [
      {
        topic: 'deleted',
        en: `${kind} ${namespace}/${name} is deleted`,
        zh: `删除 ${kind} ${namespace}/${name}`,
        danger: true,
        path: [],
      },
    ]
  return [
    ...listed('labels', old.labels as Json, now.labels as Json, ['metadata', 'labels']),
    ...expiryMeaning(old.annotations as Json, now.annotations as Json),
    ...listed('annotations', without(old.annotations as Json, EXPIRY), without(now.annotations as Json, EXPIRY), [
      'metadata',
      'annotations',
    ]),
    ...specMeaning(kind, old.spec as Json, now.spec as Json),
  ]
}

const EXPIRY = ['meshgate.io/expires-at', 'meshgate.io/expires-in']

/** When faults and mirrors of an object end by themselves. */
function expiryMeaning(old: Json, now: Json): readonly Statement[] {
  return EXPIRY.flatMap((name) =>
    isDeepStrictEqual(old[name], now[name])
      ? []
      : [
          step(
            'expiry',
            name.endsWith('-at')
              ? ['faults and mirrors end at', '故障与镜像的结束时间']
              : ['faults and mirrors end after', '故障与镜像的持续时间'],
            old[name],
            now[name],
            ['metadata', 'annotations', name],
          ),
        ],
  )
}

function specMeaning(kind: string, old: Json, now: Json): readonly Statement[] {
  if (isDeepStrictEqual(old, now)) return []
  switch (kind) {
    case 'VirtualService':
      return httpMeaning(old, now)
    case 'DestinationRule':
      return destinationRuleMeaning(old, now)
    default:
      return [...totalFaults(old, now, ['spec']), ...listed('', old, now, ['spec'])]
  }
}

/** Faults that concern every message and did not before, wherever rules have them. */
function totalFaults(old: unknown, now: unknown, path: readonly (string | number)[]): readonly Statement[] {
  if (Array.isArray(now))
    return now.flatMap((item, index) =>
      totalFaults(Array.isArray(old) ? old[index] : undefined, item, [...path, index]),
    )
  if (!isObject(now)) return []
  return Object.entries(now).flatMap(([key, value]) => {
    const before = isObject(old) ? old[key] : undefined
    const at = [...path, key]
    if (key !== 'fault' || !isObject(value)) return totalFaults(before, value, at)
    const total = (fault: unknown, kind: string) => mapOf(mapOf(fault, kind), 'percentage')['value'] === 100
    return ['delay', 'abort'].flatMap((kind) =>
      total(value, kind) && !total(before, kind)
        ? [
            {
              topic: 'fault',
              en: `${kind === 'abort' ? 'every message fails' : 'every message is delayed'}: fault of 100 %`,
              zh: `${kind === 'abort' ? '所有消息都会失败' : '所有消息都会延迟'}：故障比例 100 %`,
              danger: true,
              path: [...at, kind],
            },
          ]
        : [],
    )
  })
}
