import type { Change } from './changes.ts'
import { applyChanges } from './changes.ts'
import { dataOf, sameData } from './data.ts'
import { Refusal } from './errors.ts'
import { isJson, jsonLayoutOf } from './json.ts'
import type { Parsed } from './parse.ts'
import { parseSegment } from './parse.ts'
import type { Action, Link } from './plan.ts'
import type { Page } from './render.ts'
import { replaceValue, Unspliceable } from './replace.ts'
import { replaceRoot } from './root.ts'
import { spliceAction } from './splice.ts'
import { styleOf } from './style.ts'

/** A segment's text with its documents, always in step. */
export interface SegmentState {
  readonly text: string
  readonly documents: readonly Parsed[]
  /** Whether the text ends here: all other segments must end with a line break. */
  readonly last: boolean
}

export interface Outcome {
  readonly state: SegmentState
  readonly changes: readonly Change[]
  /** Length of the path of the node that was written anew, when the splice alone did not give the intended meaning. */
  readonly rerendered: number | undefined
}

/** The text of a state, with the style its document `index` is written in. */
export function pageOf(state: SegmentState, index: number): Page {
  return { text: state.text, style: styleOf(state.text, state.documents[index]!.root) }
}

/** The state after changes if it means exactly `intended` at document `index`, and the same as before in all others. */
export function verified(
  state: SegmentState,
  index: number,
  changes: readonly Change[],
  intended: unknown,
): SegmentState | undefined {
  let text: string
  try {
    text = applyChanges(state.text, changes)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  if (!state.last && !text.endsWith('\n')) return undefined
  let documents: Parsed[]
  try {
    documents = parseSegment(text, state.documents.length)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
  const same = documents.every((document, i) => {
    const wanted = i === index ? intended : dataOf(state.text, state.documents[i]!.root)
    return sameData(dataOf(text, document.root), wanted)
  })
  if (!same || !staysJson(state, index, text, documents[index]!)) return undefined
  return { ...state, text, documents }
}

/** Whether a document that was JSON still is: programs read it that read nothing else. */
function staysJson(state: SegmentState, index: number, text: string, after: Parsed): boolean {
  const before = state.documents[index]!.root
  return jsonLayoutOf(state.text, before) === undefined || isJson(text.slice(after.root.from, after.root.end))
}

/**
 * Makes an action true: the splice first; then the one that takes blank lines along; then the node itself is written anew, its parent, and so
 * on up to the root. Every rung is checked by parsing again.
 * @throws Refusal `UNEDITABLE` when even the whole document written anew does not mean what was intended
 */
export function perform(
  state: SegmentState,
  index: number,
  action: Action,
  trail: readonly Link[],
  intended: unknown,
): Outcome {
  const page = pageOf(state, index)
  const parsed = state.documents[index]!
  const splices = [() => spliceAction(page, parsed, action, trail)]
  if (action.kind === 'remove' || action.kind === 'move')
    splices.push(() => spliceAction(page, parsed, action, trail, 'all'))
  for (const splice of splices) {
    const done = attempt(state, index, splice, intended)
    if (done) return { ...done, rerendered: undefined }
  }
  return rerender(state, index, trail, intended)
}

/** Writes the node at the end of `trail` anew, or the nearest ancestor for which that works. @throws Refusal `UNEDITABLE` when it works for none */
export function rerender(state: SegmentState, index: number, trail: readonly Link[], intended: unknown): Outcome {
  const page = pageOf(state, index)
  const parsed = state.documents[index]!
  for (let depth = trail.length; depth > 0; depth--) {
    const { owner, index: at } = trail[depth - 1]!
    const value = valueAt(intended, trail.slice(0, depth))
    if (value === undefined) continue
    const slot = owner.slots[at]!
    const done = attempt(state, index, () => replaceValue(page, owner, slot, value, slot.value.anchor), intended)
    if (done) return { ...done, rerendered: depth }
  }
  const done = attempt(state, index, () => replaceRoot(page, parsed, intended), intended)
  if (done) return { ...done, rerendered: 0 }
  throw new Refusal(
    'UNEDITABLE',
    'no way of writing this edit gives the intended meaning; the text is unchanged',
    parsed.root.start,
  )
}

function attempt(
  state: SegmentState,
  index: number,
  splice: () => Change[],
  intended: unknown,
): Omit<Outcome, 'rerendered'> | undefined {
  let changes: Change[]
  try {
    changes = splice()
  } catch (error) {
    if (error instanceof Unspliceable) return undefined
    throw error
  }
  const next = verified(state, index, changes, intended)
  return next && { state: next, changes }
}

function valueAt(data: unknown, trail: readonly Link[]): unknown {
  return trail.reduce<unknown>((at, { owner, index }) => {
    if (at === undefined || at === null || typeof at !== 'object') return undefined
    if (owner.kind === 'seq') return Array.isArray(at) ? at[index] : undefined
    const key = owner.slots[index]!.key!
    return Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined
  }, data)
}
