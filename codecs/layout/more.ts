import { type Codec, FrameKind } from '../contract.ts'
import { allOf, type Condition, conditionsOf, unreachable } from './condition.ts'
import type { IssuePath, Issues } from './issue.ts'
import type { KindPlan } from './kind.ts'
import type { Test } from './node.ts'
import type { ProtocolSpec, WhenSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import type { VariantPlan } from './variant-plan.ts'
import type { WrittenVariant } from './written-variant.ts'

/** Replies of several frames: which frame of a reply is not its last. */

const replies = ['response', 'either']

/** Whether frames of a layout can be replies. */
function canReply(kind: KindPlan, from: string | undefined): boolean {
  return from !== 'client' && kind.kinds.some((name) => replies.includes(name))
}

/** The test of `message.more`; undefined where the layout has none, or one that is wrong, which `scope` is told. `facts` hold for every frame. */
export function moreTest(
  scope: Scope,
  { variant, message, pathOf }: WrittenVariant,
  kind: KindPlan,
  facts: readonly Condition[],
): Test | undefined {
  const { more } = message
  if (more === undefined) return undefined
  const path = pathOf('message', 'more')
  if (!canReply(kind, variant?.from)) {
    if (path.includes('variants'))
      scope.issues.error(
        path,
        'no frame of this variant is a reply of the upstream, so none can be a part of one',
        'put `more` into a variant with responses',
      )
    return undefined
  }
  if (more === true) {
    if (!path.includes('variants'))
      scope.issues.error(path, 'no frame would ever be the last of a reply', 'say it of a variant, or name a field')
    return () => true
  }
  const plain = Object.entries(more).filter(([, spec]) => !isBelow(spec))
  for (const name of Object.keys(more)) checkThere(scope, name, [...path, name])
  const conditions = conditionsOf(scope, Object.fromEntries(plain) as WhenSpec, path)
  const sums = Object.entries(more).flatMap(([name, spec]) =>
    isBelow(spec) ? [belowTest(scope, name, spec.below, [...path, name])] : [],
  )
  if (!conditions || !sums.every((test) => test !== undefined)) return undefined
  // Of variants another one may have the last frame.
  if (sums.length === 0 && !variant) checkBoth(scope.issues, conditions, facts, path)
  const tests = [allOf(conditions), ...sums]
  return tests.length === 1 ? tests[0] : (b, at, limit) => tests.every((test) => test(b, at, limit))
}

function isBelow(spec: unknown): spec is { readonly below: string | number } {
  return typeof spec === 'object' && spec !== null && 'below' in spec
}

function belowTest(scope: Scope, name: string, below: string | number, path: IssuePath): Test | undefined {
  const node = scope.resolve(name, path)
  const expression = scope.expression(below, [...path, 'below'])
  const sum = expression && scope.count(expression, [...path, 'below'])
  if (!node || !sum) return undefined
  if (!node.number) {
    scope.issues.error(path, `"${name}" is no number, so it is below none`)
    return undefined
  }
  // A sum that cannot be read, or is below 0, is negative: nothing is below it, and the reply ends.
  return (b, at, limit) => {
    const value = node.value(b, at, limit)
    return value >= 0 && value < sum.position(b, at, limit)
  }
}

/** What is looked at must be there in replies. */
function checkThere(scope: Scope, name: string, path: IssuePath): void {
  const declared = scope.declarations.get(name)
  const kinds = declared?.spec.when?.['kind']
  const list = Array.isArray(kinds) ? kinds : [kinds]
  if (typeof list[0] !== 'string' || list.some((kind) => replies.includes(String(kind)))) return
  scope.issues.error(path, `"${name}" is there in frames of the kind ${list.join(', ')} only, and replies are none`)
}

/** A condition that holds of all frames or of none says nothing. */
function checkBoth(
  issues: Issues,
  conditions: readonly Condition[],
  facts: readonly Condition[],
  path: IssuePath,
): void {
  const [never, always] = [0, 1].map((rule) => unreachable([conditions, []], facts).includes(rule))
  if (always) issues.error(path, 'this holds of every frame: none would ever be the last of a reply')
  else if (never) issues.error(path, 'this holds of no frame: every reply would be one frame')
}

/** `inspect` that also says whether more follows; the same one where nothing is to be said. */
export function sayingMore(inspect: Codec['inspect'], more: Test | undefined): Codec['inspect'] {
  if (!more) return inspect
  return (b, at, length, out) => {
    const result = inspect(b, at, length, out)
    const answers = out.kind === FrameKind.response || out.kind === FrameKind.either
    out.more = result === 0 && answers && more(b, at, at + length) ? 1 : 0
    return result
  }
}

/** What only all layouts together show: that there are replies, and that they end. */
export function checkMore({ message, variants }: ProtocolSpec, plans: readonly VariantPlan[], issues: Issues): void {
  const answering = plans.filter(({ kind, from }) => canReply(kind, from))
  if (message?.more !== undefined && answering.length === 0) {
    issues.error(['spec', 'message', 'more'], 'no frame is a reply, so none can be a part of one')
    return
  }
  const endless = answering.every(
    ({ name }) => variants?.find((variant) => variant.name === name)?.message?.more === true,
  )
  if (answering.length === 0 || !endless) return
  const first = plans.indexOf(answering[0]!)
  issues.error(
    ['spec', 'variants', first, 'message', 'more'],
    'no variant has frames that are the last of a reply',
    'leave `more` out of the one that ends it',
  )
}
