import { type Codec, FrameError } from '../contract.ts'
import type { Condition } from './condition.ts'
import { NEED } from './numbers.ts'
import { type Picker, simpleLength } from './simple.ts'
import { untilLength } from './until.ts'
import type { VariantPlan } from './variant-plan.ts'

/** How long a frame is, before it is whole. */

/** Checks that all variants share say what a frame is before a variant is chosen. */
export function commonFacts(plans: readonly VariantPlan[]) {
  const [first] = plans
  return plans.every(({ facts }) => facts.length === first!.facts.length) ? first!.facts : []
}

/** Whether variants say their length differently. */
export function lengthDiffers(plans: readonly VariantPlan[]): boolean {
  const keys = plans.map(({ length, maxFrame, suffix }) =>
    JSON.stringify([
      length.constant,
      length.need,
      length.until && [...length.until.ends.map((end) => [...end]), length.until.from],
      maxFrame,
      suffix && [...suffix.bytes],
      length.terms.map(({ node, scale }) => [node.place, scale]),
    ]),
  )
  return new Set(keys).size > 1
}

/** `frameLength` of a codec of these variants. */
export function lengthReader(plans: readonly VariantPlan[], pick: Picker): Codec['frameLength'] {
  const min = Math.min(...plans.map((plan) => plan.min))
  if (!lengthDiffers(plans)) return oneLength(plans[0]!, min, commonFacts(plans))
  const readers = plans.map((plan) => oneLength(plan, plan.min, plan.facts))
  const need = Math.max(1, ...plans.flatMap(({ selectors }) => selectors.map(({ node }) => node.minEnd)))
  return (b, at, end, seen) => {
    if (end - at < need) return need
    const variant = pick(b, at, end)
    return variant < 0 ? FrameError.unknownVariant : readers[variant]!(b, at, end, seen)
  }
}

function oneLength(plan: VariantPlan, min: number, facts: readonly Condition[]): Codec['frameLength'] {
  const { suffix } = plan
  const said = saidLength(plan, min, facts)
  if (!suffix) return said
  return (b, at, end, seen) => {
    const n = said(b, at, end, seen)
    return n > 0 && n <= end - at && !suffix.stands(b, at, at + n) ? FrameError.badEnd : n
  }
}

function saidLength(plan: VariantPlan, min: number, facts: readonly Condition[]): Codec['frameLength'] {
  const simple = simpleLength(plan, min, facts)
  if (simple) return simple
  const { maxFrame, length } = plan
  const { total } = length
  const need = Math.max(length.need, ...facts.map(({ node }) => node.minEnd))
  const checks = facts.map(({ test }) => test)
  if (length.until || facts.some(({ node }) => !node.fixed)) return searching(plan, min, facts, need)
  return (b, at, end) => {
    if (end - at < need) return need
    for (let i = 0; i < checks.length; i++) if (!checks[i]!(b, at, end)) return FrameError.badMagic
    return judged(total(b, at, end), min, maxFrame, end - at)
  }
}

/** The same for frames with a delimiter, and for fixed values behind a varint or a text, of which it is not certain that they are there yet. */
function searching(
  { length, maxFrame }: VariantPlan,
  min: number,
  facts: readonly Condition[],
  need: number,
): Codec['frameLength'] {
  const given = length.until?.ends.length === 0
  const search = given ? undefined : length.until && untilLength(length.until, min, maxFrame)
  return (b, at, end, seen = 0) => {
    if (end - at < need) return need
    for (let i = 0; i < facts.length; i++) {
      const { node, test } = facts[i]!
      const place = node.fixed ? 0 : node.end(b, at, end)
      if (place < 0) return place === NEED ? waitFor(end - at + 1, maxFrame) : FrameError.malformed
      if (!test(b, at, end)) return FrameError.badMagic
    }
    return search ? search(b, at, end, seen) : judged(length.total(b, at, end), min, maxFrame, end - at)
  }
}

/** What `frameLength` answers where so many bytes are there and the frame says `n`. */
function judged(n: number, min: number, maxFrame: number, there: number): number {
  if (n < min) return n >= 0 ? FrameError.belowHeader : n === NEED ? waitFor(there + 1, maxFrame) : FrameError.malformed
  return n > maxFrame ? FrameError.tooLong : n
}

/** A length field that is itself cut off: one more byte, unless the frame could no longer be valid. */
function waitFor(bytes: number, maxFrame: number): number {
  return bytes > maxFrame ? FrameError.tooLong : bytes
}
