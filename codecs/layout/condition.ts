import type { IssuePath } from './issue.ts'
import { type Node, sameBytes, type Test, textBytes } from './node.ts'
import type { ConditionSpec, WhenSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { largest } from './types.ts'

/** What a field can be: an integer, a text, or absent. */
export type Value = number | string | undefined

/** A condition on one field, ready to run and to reason about. */
export interface Condition {
  readonly node: Node
  readonly test: Test
  readonly holds: (value: Value) => boolean
  /** Values that tell conditions apart. */
  readonly marks: readonly Value[]
  /** The bits it looks at, of which a few marks do not stand for all values; 0 where it looks at whole values. */
  readonly bits: number
  /** Names single values (or all others but them). */
  readonly plain: boolean
  /** The condition as written. */
  readonly source: string
}

/** All conditions of a `when`, as one test; undefined when one of them is wrong. */
export function makeTest(scope: Scope, when: WhenSpec, path: IssuePath): Test | undefined {
  const conditions = conditionsOf(scope, when, path)
  return conditions && allOf(conditions)
}

/** One test that holds where all conditions do; of none it always does. */
export function allOf(conditions: readonly Condition[]): Test {
  const tests = conditions.map(({ test }) => test)
  const [first, second] = tests
  if (!first) return () => true
  if (!second) return first
  if (tests.length === 2) return (b, at, limit) => first(b, at, limit) && second(b, at, limit)
  return (b, at, limit) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(b, at, limit)) return false
    return true
  }
}

/** The conditions of a `when`, one a field; undefined when one of them is wrong, which `scope` is told. */
export function conditionsOf(scope: Scope, when: WhenSpec, path: IssuePath): readonly Condition[] | undefined {
  const made = Object.entries(when).map(([name, spec]) => {
    const node = scope.resolve(name, [...path, name])
    return node && conditionOn(scope, node, spec, [...path, name])
  })
  return made.every((condition) => condition !== undefined) ? made : undefined
}

function conditionOn(scope: Scope, node: Node, spec: ConditionSpec, path: IssuePath): Condition | undefined {
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  if (spec === 'present' || spec === 'absent') {
    const wanted = spec === 'present'
    const source = spec
    const test: Test = (b, at, limit) => node.read(b, at, limit, ref) === wanted
    return {
      node,
      test,
      holds: (value) => (value !== undefined) === wanted,
      marks: [undefined],
      bits: 0,
      plain: true,
      source,
    }
  }
  return node.number ? numberCondition(scope, node, spec, path) : textCondition(scope, node, spec, path)
}

interface Rule {
  readonly holds: (value: number) => boolean
  readonly marks: readonly number[]
  readonly bits?: number
  /** The one value that satisfies it. */
  readonly only?: number | undefined
}

function numberCondition(scope: Scope, node: Node, spec: ConditionSpec, path: IssuePath): Condition | undefined {
  const rule = numberRule(scope, node, spec, path)
  if (!rule) return undefined
  const { holds, marks, bits = 0, only } = rule
  const { raw, read, signed } = node
  const source = JSON.stringify(spec)
  const plain = typeof spec !== 'object' || Array.isArray(spec) || 'not' in spec
  const condition = {
    node,
    marks,
    bits,
    plain,
    source,
    holds: (value: Value) => typeof value === 'number' && holds(value),
  }
  // `raw` does not look at the limit, and a frame may end before a field its variant would have.
  const need = node.minEnd
  if (raw && only !== undefined) {
    const wanted = only | 0
    return { ...condition, test: (b, at, limit) => at + need <= limit && raw(b, at, limit) === wanted }
  }
  if (raw && node.number?.form === 'int' && node.number.bytes === 1 && !signed) {
    const table = Uint8Array.from({ length: 256 }, (_, value) => (holds(value) ? 1 : 0))
    return { ...condition, test: (b, at, limit) => at + need <= limit && table[raw(b, at, limit)] === 1 }
  }
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const test: Test = (b, at, limit) => {
    if (!read(b, at, limit, ref)) return false
    return holds(signed ? ref.hi * 2 ** 32 + (ref.lo >>> 0) : (ref.hi >>> 0) * 2 ** 32 + (ref.lo >>> 0))
  }
  return { ...condition, test }
}

function numberRule(scope: Scope, node: Node, spec: ConditionSpec, path: IssuePath): Rule | undefined {
  const plain = typeof spec === 'number' || typeof spec === 'string' || Array.isArray(spec)
  if (plain) {
    const values = numbersOf(scope, node, spec, path)
    return (
      values && { holds: (v) => values.includes(v), marks: values, only: values.length === 1 ? values[0] : undefined }
    )
  }
  if ('mask' in spec) {
    const { mask, equals } = spec
    if (mask === 0) {
      scope.issues.error([...path, 'mask'], 'a mask of 0 lets nothing through')
      return undefined
    }
    const most = node.number ? Math.min(largest(node.number), 0xffffffff) : 0xffffffff
    if (mask > most) {
      scope.issues.error(
        [...path, 'mask'],
        `the mask 0x${mask.toString(16)} is above 0x${most.toString(16)}, the bits that can be looked at in "${node.name}"`,
      )
      return undefined
    }
    if (equals === undefined) return { holds: (v) => (v & mask) !== 0, marks: [mask, 0], bits: mask }
    const wanted = Array.isArray(equals) ? equals : [equals]
    const bad = wanted.find((value) => (value & ~mask) !== 0)
    if (bad !== undefined) {
      scope.issues.error([...path, 'equals'], `0x${bad.toString(16)} has bits outside the mask 0x${mask.toString(16)}`)
      return undefined
    }
    const set = wanted.map((value) => value | 0)
    return { holds: (v) => set.includes((v & mask) | 0), marks: [...wanted, 0, mask], bits: mask }
  }
  if ('not' in spec) {
    const values = numbersOf(scope, node, spec.not, [...path, 'not'])
    return values && { holds: (v) => !values.includes(v), marks: values }
  }
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = spec as { min?: number; max?: number }
  if (min > max) {
    scope.issues.error(path, `the minimum ${min} is above the maximum ${max}`)
    return undefined
  }
  const marks = [min, max].filter(Number.isFinite).flatMap((value) => [value - 1, value, value + 1])
  return { holds: (v) => v >= min && v <= max, marks: marks.filter((value) => value >= 0) }
}

function numbersOf(scope: Scope, node: Node, spec: unknown, path: IssuePath): number[] | undefined {
  const list = (Array.isArray(spec) ? spec : [spec]) as (number | string)[]
  const numbers: number[] = []
  for (const value of list) {
    if (typeof value === 'string') {
      // Several values may share a name: all of them are meant.
      const named = node.values?.get(value)
      if (!named) {
        const hint = node.values ? `values are: ${[...node.values.keys()].join(', ')}` : 'write a number'
        scope.issues.error(path, `"${value}" is no value of "${node.name}"`, hint)
        return undefined
      }
      numbers.push(...named)
      continue
    }
    if (node.number && value > largest(node.number)) {
      const most = largest(node.number)
      scope.issues.error(path, `${value} can never be in "${node.name}", its largest value is ${most}`)
      return undefined
    }
    if (node.mask !== 0 && (value & ~node.mask) !== 0) {
      const bits = `0x${value.toString(16)} has bits outside the mask 0x${node.mask.toString(16)}`
      scope.issues.error(path, `${bits} of "${node.name}"`)
      return undefined
    }
    numbers.push(value)
  }
  return numbers
}

function textCondition(scope: Scope, node: Node, spec: ConditionSpec, path: IssuePath): Condition | undefined {
  const inverted = typeof spec === 'object' && !Array.isArray(spec) && 'not' in spec
  const wanted = inverted ? (spec as { not: unknown }).not : spec
  const list = Array.isArray(wanted) ? wanted : [wanted]
  if (!list.every((value) => typeof value === 'string' || typeof value === 'number')) {
    scope.issues.error(
      path,
      `"${node.name}" is text: compare it with a text, a list of texts, {not}, present or absent`,
    )
    return undefined
  }
  const strings = list.map(String)
  const texts = strings.map(textBytes)
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const test: Test = (b, at, limit) => {
    if (!node.read(b, at, limit, ref)) return false
    for (let i = 0; i < texts.length; i++) if (sameBytes(b, ref.start, ref.end, texts[i]!)) return !inverted
    return inverted
  }
  const holds = (value: Value) => typeof value === 'string' && strings.includes(value) !== inverted
  return { node, test, holds, marks: strings, bits: 0, plain: true, source: JSON.stringify(spec) }
}

type Rules = readonly (readonly Condition[])[]

/**
 * The rules of a first-match list that no input can reach, because earlier ones always match first or because conditions (with
 * those that hold for every frame) contradict each other. Complete for integers of up to 16 bits, for plain values of wider ones
 * with ranges or with up to 12 single bits, for texts and presence; where it cannot be sure it names only rules that repeat an earlier one.
 */
export function unreachable(rules: Rules, facts: readonly Condition[] = []): number[] {
  const groups = new Map<string, Condition[]>()
  for (const condition of [...rules.flat(), ...facts]) {
    const key = fieldKey(condition.node)
    groups.set(key, [...(groups.get(key) ?? []), condition])
  }
  const keys = [...groups.keys()]
  const domains = [...groups.values()].map(domainOf)
  const combinations = domains.reduce((product, domain) => product * (domain?.length ?? Number.POSITIVE_INFINITY), 1)
  if (!(combinations <= 2_000_000)) return repeats(rules)
  const reached = new Set<number>()
  const values: Value[] = []
  const holds = (rule: readonly Condition[]) =>
    rule.every((condition) => condition.holds(values[keys.indexOf(fieldKey(condition.node))]))
  for (let n = 0; n < combinations && reached.size < rules.length; n++) {
    let rest = n
    domains.forEach((domain, i) => {
      values[i] = domain![rest % domain!.length]
      rest = Math.floor(rest / domain!.length)
    })
    if (!holds(facts)) continue
    const hit = rules.findIndex(holds)
    if (hit >= 0) reached.add(hit)
  }
  return rules.flatMap((_, i) => (reached.has(i) ? [] : [i]))
}

/** Fields at one place with one mask are one field, whatever each variant calls them. */
function fieldKey(node: Node): string {
  const { place } = node
  return place && node.number ? `${place.anchor}@${place.offset}:${place.bytes}:${node.mask}` : `name:${node.name}`
}

/** Values that stand for all a field can have; undefined when a few cannot. */
function domainOf(conditions: readonly Condition[]): readonly Value[] | undefined {
  const { node } = conditions[0]!
  const marks = [...new Set(conditions.flatMap((condition) => condition.marks))]
  const absent = marks.includes(undefined) ? [undefined] : []
  if (!node.number) {
    const texts = marks.filter((mark) => typeof mark === 'string')
    return [...texts, texts.reduce((text, other) => text + other, '\0'), ...absent]
  }
  const bits = conditions.some((condition) => condition.bits !== 0)
  const top = largest(node.number)
  const ones = [...(node.mask >>> 0).toString(2)].filter((bit) => bit === '1').length
  if (node.mask !== 0 && ones <= 8) return [...submasks(node.mask), ...absent]
  if (top <= 0xff || (top <= 0xffff && bits)) return [...Array.from({ length: top + 1 }, (_, i) => i), ...absent]
  const numbers = marks.filter((mark) => typeof mark === 'number' && mark <= top) as number[]
  if (bits) {
    const others = byBits(conditions, node, top, numbers)
    return others && [...numbers, ...others, ...absent]
  }
  const fresh = [0, ...numbers.map((mark) => mark + 1)].find((value) => value <= top && !numbers.includes(value))
  return [...numbers, ...(fresh === undefined ? [] : [fresh]), ...absent]
}

/**
 * A value for each way in which the bits that conditions look at can stand, none of them one of `named`. undefined where a range is
 * asked for beside bits, or too many bits are.
 */
function byBits(
  conditions: readonly Condition[],
  node: Node,
  top: number,
  named: readonly number[],
): readonly number[] | undefined {
  if (conditions.some(({ bits, plain }) => bits === 0 && !plain)) return undefined
  const all = conditions.reduce((union, { bits }) => union | bits, 0)
  const ways = [...(all >>> 0).toString(2)].filter((bit) => bit === '1').length
  if (ways > 12) return undefined
  const free = bitsBeside(all, node.mask, top)
  return submasks(all).flatMap((sub) => {
    const value = [0, ...free].map((bit) => sub + bit).find((candidate) => !named.includes(candidate))
    return value === undefined ? [] : [value]
  })
}

/** Values of the bits that a field has and nobody looks at: more of them than values are ever named are of no use. */
function bitsBeside(looked: number, mask: number, top: number): number[] {
  const own = Math.min(top, 0xffffffff)
  const free: number[] = []
  const beside = (mask === 0 ? own : mask) & ~looked
  for (let sub = beside & -beside; sub !== 0 && free.length < 1024; sub = (sub - beside) & beside) free.push(sub >>> 0)
  return free
}

/** All values of the bits of a mask, as numbers without a sign. */
function submasks(mask: number): number[] {
  const list: number[] = []
  for (let sub = mask; sub !== 0; sub = (sub - 1) & mask) list.push(sub >>> 0)
  return [...list, 0]
}

function repeats(rules: Rules): number[] {
  const texts = rules.map((rule) => rule.map(({ node, source }) => `${fieldKey(node)} ${source}`))
  return texts.flatMap((own, i) =>
    texts.slice(0, i).some((other) => other.every((part) => own.includes(part))) ? [i] : [],
  )
}
