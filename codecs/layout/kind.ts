import { FrameKind, type FrameKindName, frameKindNames } from '../contract.ts'
import { allOf, type Condition, conditionsOf, unreachable } from './condition.ts'
import type { IssuePath } from './issue.ts'
import { didYouMean } from './names.ts'
import type { Node, Position } from './node.ts'
import type { KindSpec } from './schema.ts'
import type { Scope } from './scope.ts'

export interface KindPlan {
  /** The kind, 0 when the frame has none we know. */
  readonly kindOf: Position
  readonly kinds: readonly FrameKindName[]
  /** The whole answer as a table over the byte at `offset` (masked), where it is that simple. */
  readonly table: { readonly offset: number; readonly kinds: Uint8Array } | undefined
  /** The answer without looking. */
  readonly constant: number | undefined
  /** Of all rules. */
  readonly conditions: readonly Condition[]
}

/** How the kind of a frame is found; `facts` are conditions that hold already. undefined when the document is wrong, which `scope` is told. */
export function kindPlan(
  scope: Scope,
  spec: KindSpec,
  path: IssuePath,
  facts: readonly Condition[],
): KindPlan | undefined {
  if (typeof spec === 'string') {
    const kind = kindNumber(scope, spec, path)
    return kind === undefined
      ? undefined
      : { kindOf: () => kind, kinds: [spec as FrameKindName], table: undefined, constant: kind, conditions: [] }
  }
  if (Array.isArray(spec)) return rules(scope, spec, path, facts)
  const node = scope.resolve('kind', path)
  if (!node) return undefined
  const names = Object.entries((spec as { is?: Record<string, string> }).is ?? {})
  if (names.length === 0) {
    scope.issues.error(path, '"kind" does not say which value is which kind', 'is: {1: request, 2: response}')
    return undefined
  }
  const pairs = names.map(([value, name]) => [Number(value), kindNumber(scope, name, [...path, 'is', value])] as const)
  if (pairs.some(([, kind]) => kind === undefined)) return undefined
  const kinds = [...new Set(names.map(([, name]) => name as FrameKindName))]
  return byValue(node, pairs as (readonly [number, number])[], kinds)
}

function byValue(node: Node, pairs: readonly (readonly [number, number])[], kinds: readonly FrameKindName[]): KindPlan {
  const { raw, read } = node
  if (raw && node.number?.form === 'int' && node.number.bytes === 1 && !node.signed) {
    const table = new Uint8Array(256)
    const all = new Uint8Array(256)
    for (const [value, kind] of pairs) table[value] = kind
    for (let byte = 0; byte < 256; byte++) all[byte] = table[node.mask === 0 ? byte : byte & node.mask]!
    const need = node.minEnd
    const kindOf: Position = (b, at, limit) => (at + need <= limit ? table[raw(b, at, limit)]! : 0)
    return { kindOf, kinds, table: { offset: node.minStart, kinds: all }, constant: undefined, conditions: [] }
  }
  const map = new Map(pairs.map(([value, kind]) => [value | 0, kind]))
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const kindOf: Position = (b, at, limit) => (read(b, at, limit, ref) ? (map.get(ref.lo) ?? 0) : 0)
  return { kindOf, kinds, table: undefined, constant: undefined, conditions: [] }
}

function rules(
  scope: Scope,
  spec: readonly { readonly is: string; readonly when?: Readonly<Record<string, unknown>> | undefined }[],
  path: IssuePath,
  facts: readonly Condition[],
): KindPlan | undefined {
  const made = spec.map(({ is, when }, i) => ({
    kind: kindNumber(scope, is, [...path, i, 'is']),
    conditions: when ? conditionsOf(scope, when as never, [...path, i, 'when']) : [],
  }))
  if (!made.every(({ kind, conditions }) => kind !== undefined && conditions)) return undefined
  for (const i of unreachable(
    made.map(({ conditions }) => conditions!),
    facts,
  )) {
    scope.issues.error([...path, i], `this rule is never reached: "${spec[i]!.is}" is always decided by an earlier one`)
  }
  const tests = made.map(({ conditions }) => allOf(conditions!))
  const kinds = made.map(({ kind }) => kind!)
  const kindOf: Position = (b, at, limit) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(b, at, limit)) return kinds[i]!
    return 0
  }
  const names = [...new Set(spec.map(({ is }) => is as FrameKindName))]
  const conditions = made.flatMap(({ conditions }) => conditions!)
  return { kindOf, kinds: names, table: undefined, constant: undefined, conditions }
}

function kindNumber(scope: Scope, name: string, path: IssuePath): number | undefined {
  const kind = FrameKind[name as FrameKindName]
  if (kind === undefined) {
    scope.issues.error(path, `there is no kind "${name}"`, didYouMean(name, frameKindNames))
  }
  return kind
}
