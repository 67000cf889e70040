import type { MsgRouterSpec, MsgRule } from './kinds/msg-router.ts'
import { type IdRange, parseMessageId } from './syntax/message-id.ts'

/** A rule of a MsgRouter and its place in the document. */
export interface PlacedRule {
  readonly rule: MsgRule
  readonly path: readonly (string | number)[]
}

/** A document's rules: the document itself, or its list. */
export function rulesOf(spec: MsgRouterSpec): readonly PlacedRule[] {
  if (spec.routes) return spec.routes.map((rule, index) => ({ rule, path: ['spec', 'routes', index] }))
  return [{ rule: spec, path: ['spec'] }]
}

/** The message ids a rule names; none means all. */
export function idList(msgid: MsgRule['msgid']): readonly IdRange[] {
  if (msgid === undefined) return []
  return (Array.isArray(msgid) ? msgid : [msgid]).flatMap((id) => parseMessageId(id) ?? [])
}

/**
 * Which of two documents wins where both match: negative when it is `a`. The greater priority; else the narrower: exact message
 * ids, ranges, other conditions, none, and of these the one with more conditions. 0: the older document, as for all kinds.
 */
export function comparePrecedence(a: MsgRouterSpec, b: MsgRouterSpec): number {
  return (b.priority ?? 0) - (a.priority ?? 0) || widthOf(a) - widthOf(b)
}

const widths = new WeakMap<MsgRouterSpec, number>()

/** Smaller is narrower. A list of rules is as wide as its widest. Computed once: thousands of documents are sorted by it. */
function widthOf(spec: MsgRouterSpec): number {
  const known = widths.get(spec)
  if (known !== undefined) return known
  const width = Math.max(
    ...rulesOf(spec).map(({ rule }) => {
      const ids = idList(rule.msgid)
      const kind = ids.length === 0 ? (rule.match ? 2 : 3) : ids.every(({ first, last }) => first === last) ? 0 : 1
      const conditions = Math.min(99, ...(rule.match ?? [{}]).map((match) => Object.keys(match).length))
      return kind * 100 + 99 - conditions
    }),
  )
  widths.set(spec, width)
  return width
}
