import type { FieldInfo } from '../../../codecs/contract.ts'
import { integerOf, integersOf, isInteger } from '../../../codecs/values.ts'
import { integerOf as endOf, type FieldMatch, type FieldValue } from '../kinds/field-match.ts'
import type { MsgRule } from '../kinds/msg-router.ts'
import { idList, rulesOf } from '../msg-router-rules.ts'
import { hasField, type ProtocolInfo } from '../protocols.ts'
import { similar } from '../similar.ts'
import type { IdRange } from '../syntax/message-id.ts'
import type { Complain, Of } from './world.ts'

type Path = readonly (string | number)[]

/** A value that a rule looks for, or writes, and its place in the document. */
interface Wanted {
  readonly field: string
  readonly path: Path
  /** Integers of a range, or a value as text. */
  readonly value: IdRange | string
  /** It is of a reply. */
  readonly reply?: boolean
}

/** So much is told of one document: who mistakes one protocol for another is wrong in every rule. */
const MOST_TOLD = 3

/**
 * Values that no message has: numbers that a field has not the bits for, words that are not among its names, ranges of texts; and fields of limits and
 * changes that are not there or cannot be changed. Told where it is so of all the protocols that a rule may be for.
 */
export function checkValues(object: Of<'MsgRouter'>, protocols: readonly ProtocolInfo[], complain: Complain): void {
  if (protocols.length === 0) return
  let told = 0
  const tell: Complain = (...complaint) => told++ < MOST_TOLD && complain(...complaint)
  for (const { rule, path } of rulesOf(object.spec)) {
    for (const { field, path: at, change, reply } of besides(rule, path)) {
      const sides = reply ? upstreamSides(protocols) : protocols
      if (!sides.some((info) => hasField(info, field))) {
        const known = [...new Set(sides.flatMap(({ fields }) => [...fields.keys()]))]
        tell(object, 'PROTOCOL_FIELD_NOT_FOUND', at, `no protocol has a field ${field}`, similar(field, known))
      } else if (change && sides.every(({ fields }) => fields.get(field)?.writable === false))
        tell(object, 'FIELD_NO_EFFECT', at, `field ${field} of a message cannot be changed`)
    }
    for (const wanted of wantedBy(rule, path)) {
      const sides = wanted.reply ? upstreamSides(protocols) : protocols
      const infos = sides.map(({ fields }) => fields.get(wanted.field))
      const [first] = infos
      if (!first || infos.some((info) => !info || canBe(info, wanted.value))) continue
      const { message, hint } = whyNot(first, wanted)
      tell(object, 'PROTOCOL_VALUE_IMPOSSIBLE', wanted.path, message, hint)
    }
  }
}

/** What is known of replies. */
function upstreamSides(protocols: readonly ProtocolInfo[]): readonly ProtocolInfo[] {
  return protocols.map((info) => (info.upstreamFields ? { ...info, fields: info.upstreamFields } : info))
}

/** A field that does not decide whether a message goes by the rule. */
interface Beside {
  readonly field: string
  readonly path: Path
  /** It is written, not looked at. */
  readonly change?: true
  readonly reply?: boolean
}

function besides(rule: MsgRule, path: Path): readonly Beside[] {
  const limits = (rule.localRateLimit ?? []).flatMap(({ match }, index) =>
    Object.keys(match ?? {}).map((field) => ({ field, path: [...path, 'localRateLimit', index, 'match', field] })),
  )
  const changes = MUTATIONS.flatMap((list) =>
    (rule[list] ?? []).map(({ field }, index) => ({
      field,
      path: [...path, list, index, 'field'],
      change: true as const,
      reply: list === 'responseMutation',
    })),
  )
  return [...limits, ...changes]
}

const MUTATIONS = ['requestMutation', 'responseMutation'] as const

function wantedBy(rule: MsgRule, path: Path): readonly Wanted[] {
  return [
    ...idList(rule.msgid).map((value) => ({ field: 'msgid', path: [...path, 'msgid'], value })),
    ...(rule.match ?? []).flatMap((match, index) => wantedOf(match, [...path, 'match', index])),
    ...(rule.localRateLimit ?? []).flatMap(({ match }, index) =>
      wantedOf(match ?? {}, [...path, 'localRateLimit', index, 'match']),
    ),
    ...MUTATIONS.flatMap((list) =>
      (rule[list] ?? []).flatMap(({ field, value }, index) =>
        value === undefined
          ? []
          : { field, path: [...path, list, index, 'value'], value: String(value), reply: list === 'responseMutation' },
      ),
    ),
  ]
}

function wantedOf(match: FieldMatch, path: Path): readonly Wanted[] {
  return Object.entries(match).flatMap(([field, value]) =>
    valuesOf(value).map(([at, one]) => ({ field, path: [...path, field, ...at], value: one })),
  )
}

/** What a condition compares with, and where it stands in it. What starts, ends or looks like something may be any text. */
function valuesOf(value: FieldValue): readonly (readonly [Path, IdRange | string])[] {
  if (Array.isArray(value)) return value.map((one, index) => [[index], String(one)])
  if (typeof value !== 'object') return [[[], String(value)]]
  const { exact, in: several, range } = value
  if (exact !== undefined) return [[['exact'], String(exact)]]
  if (several) return several.map((one, index) => [['in', index], String(one)])
  if (!range) return []
  const [first, last] = [range.first, range.last].map((end) => (end === undefined ? undefined : endOf(end)))
  return [[['range'], { first: first ?? -(2n ** 63n), last: last ?? 2n ** 64n - 1n }]]
}

function canBe(info: FieldInfo, value: IdRange | string): boolean {
  if (!isInteger(info)) return typeof value === 'string' || value.first === value.last
  const { least, most } = integersOf(info)
  if (typeof value !== 'string') return value.first <= most && value.last >= least
  const number = integerOf(info, value)
  return number !== undefined && number >= least && number <= most
}

function whyNot(info: FieldInfo, { field, value }: Wanted): { readonly message: string; readonly hint?: string } {
  if (!isInteger(info))
    return { message: `${field} is a text: it is in no range of numbers`, hint: 'use exact, in, prefix or regex' }
  const { least, most } = integersOf(info)
  if (typeof value !== 'string' || integerOf(info, value) !== undefined) {
    const text =
      typeof value === 'string' ? value : value.first === value.last ? value.first : `${value.first}-${value.last}`
    return { message: `no message has ${field} ${text}: the field holds ${least} to ${most}` }
  }
  const names = Object.keys(info.values ?? {})
  const known = names.length === 0 ? 'is no integer' : `is no integer, and none of its names: ${names.join(', ')}`
  const hint = similar(value, names)
  return { message: `no message has ${field} "${value}": that ${known}`, ...(hint && { hint }) }
}
