import type { Frame, FrameSide, ReplyKind } from '../contract.ts'
import type { Condition } from './condition.ts'
import type { FrameRules } from './edit.ts'
import type { IssuePath } from './issue.ts'
import type { KindPlan } from './kind.ts'
import type { LengthPlan } from './length.ts'
import type { Node, Test } from './node.ts'
import type { ReplySpec } from './schema.ts'
import type { Scope } from './scope.ts'
import type { FrameSuffix } from './suffix.ts'

/** One layout of a protocol, compiled. */
export interface VariantPlan {
  readonly name: string
  /** Whose frames are laid out so; absent: those of both sides. */
  readonly from: FrameSide | undefined
  readonly path: IssuePath
  readonly scope: Scope
  readonly nodes: readonly Node[]
  /** Conditions that choose this variant; empty: always. */
  readonly selectors: readonly Condition[]
  /** The fixed values that every frame has; -1 NEED. */
  readonly facts: readonly Condition[]
  readonly selected: Test
  readonly header: number
  readonly min: number
  readonly maxFrame: number
  readonly length: LengthPlan
  /** The bytes that frames end with. */
  readonly suffix: FrameSuffix | undefined
  readonly kind: KindPlan
  readonly ids: readonly Node[]
  readonly idBits: number
  /** How many ids there are. */
  readonly idCount: number
  /** Ids that are never given. */
  readonly reservedIds: readonly number[]
  readonly status: Node | undefined
  readonly timeout: Node | undefined
  readonly error: Test | undefined
  /** The error test, where it is about one byte: which of its values are errors (1). */
  readonly errorByte: { readonly at: number; readonly values: Uint8Array } | undefined
  /** Whether more frames of a reply follow; undefined where a reply is one frame. */
  readonly more: Test | undefined
  readonly rules: FrameRules
  readonly reply: ReplySpec
  readonly replyPath: (kind: ReplyKind) => IssuePath
  readonly inspect: (b: Uint8Array, at: number, length: number, out: Frame) => number
}
