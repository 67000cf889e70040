import type { Change } from './changes.ts'
import { applyChanges, ChangeLog } from './changes.ts'
import { cutLists } from './cut.ts'
import { checkedValue, dataOf } from './data.ts'
import type { Segment } from './documents.ts'
import { segmentsOf } from './documents.ts'
import type { Path } from './errors.ts'
import { formatPath, positionOf, Refusal, YamlEditError } from './errors.ts'
import type { Parsed } from './parse.ts'
import { limits, parseSegment } from './parse.ts'
import type { Action, Operation, Sharing, Step } from './plan.ts'
import { afterAction, planStep } from './plan.ts'
import { spliceCopies, spliceMerge } from './splice.ts'
import type { Tree } from './tree.ts'
import { unitsOf } from './units.ts'
import type { SegmentState } from './verify.ts'
import { pageOf, perform, rerender, verified } from './verify.ts'

/**
 * One edit of one document. `document` counts from 0 and is 0 when left out; an item of a List is a document of its own, numbered as the text was
 * given: who deletes items (`delete` of the path `[]`) begins with the last.
 * - `set`: replaces the value, or adds key or item; parents that are missing are made. An equal value changes no byte.
 * - `delete`: takes key or item out; the last one leaves `{}` or `[]`.
 * - `insert`: `[..., 2]` puts an item before item 2; `[..., 'key']` adds a new key, before entry number `at` when given.
 * - `append`: adds an item at the end of the list at `path`.
 * - `rename`: gives the key at `path` the name `value`.
 * - `move`: makes the item or entry at `path` number `value` of its collection.
 */
export type Edit = { readonly document?: number } & Operation

export interface EditOptions {
  /**
   * What an edit through an alias, or of a node that aliases use, means: `here` writes the other places out as copies first, `everywhere` edits the
   * shared node. Without it such an edit throws `SHARED`, so that the person can be asked.
   */
  readonly sharing?: Sharing
}

/** Something the person should know of how an edit was written. */
export interface EditReport {
  /** Index in the list of edits. */
  readonly edit: number
  /** `rerendered`: a node was written anew, its comments may be gone. `copied`: aliases were written out. `expanded`: a `<<` was. `overridden`: an inherited value got an own copy. */
  readonly code: 'rerendered' | 'copied' | 'expanded' | 'overridden'
  readonly document: number
  readonly path: Path
  readonly message: string
}

export interface EditResult {
  readonly text: string
  /** On the text as given: sorted, not overlapping; `invertChanges(text, changes)` is the undo. */
  readonly changes: readonly Change[]
  readonly reports: readonly EditReport[]
}

/**
 * Applies edits in order by replacing stretches of the text; all other bytes stay. After every edit the document is parsed again and compared with
 * the intended object. All edits are made or none.
 * @throws YamlEditError with the place; the text is then unchanged
 */
export function edit(text: string, edits: readonly Edit[], options: EditOptions = {}): EditResult {
  return new Session(text, options.sharing).run(edits)
}

interface Part {
  readonly segment: Segment
  state: SegmentState | undefined
  text: string
}

/** A document that edits are for. */
interface Target {
  readonly part: Part
  /** Index of the YAML document in its part. */
  readonly index: number
  /** Where it stands in that document, if it is an item of a List. */
  readonly place: Path
}

/** What is told of an edit; `path` counts from the YAML document, `place` of it leads to the item of a List. */
type Report = Omit<EditReport, 'code' | 'message'> & { readonly place: Path }

class Session {
  readonly #text: string
  readonly #bom: number
  readonly #sharing: Sharing | undefined
  readonly #parts: readonly Part[]
  /** Documents as they are numbered in the text as given. */
  readonly #targets: readonly Target[]
  readonly #log: ChangeLog
  readonly #given = new Map<Segment, readonly Parsed[] | Refusal>()
  readonly #reports: EditReport[] = []

  constructor(text: string, sharing: Sharing | undefined) {
    if (text.length > limits.length) {
      const position = { offset: limits.length, line: 1, column: 1 }
      throw new YamlEditError('TOO_LARGE', `the text has more than ${limits.length} characters`, { position })
    }
    this.#text = text
    this.#bom = text.charCodeAt(0) === 0xfeff ? 1 : 0
    this.#sharing = sharing
    this.#log = new ChangeLog(text.length)
    const body = text.slice(this.#bom)
    const textOf = ({ from, to }: Segment) => body.slice(from, to)
    const segments = cutLists(segmentsOf(body), textOf, Number.POSITIVE_INFINITY, (segment) =>
      readable(() => this.#openSegment(segment, textOf(segment))),
    )
    this.#parts = segments.map((segment) => ({
      segment,
      state: undefined,
      text: textOf(segment),
    }))
    const parts = new Map(this.#parts.map((part) => [part.segment, part]))
    this.#targets = unitsOf(
      segments,
      (segment) => parts.get(segment)!.text,
      (segment) => readable(() => this.#open(parts.get(segment)!).documents),
    ).map(({ segment, index, inside }) => ({ part: parts.get(segment)!, index, place: inside }))
  }

  run(edits: readonly Edit[]): EditResult {
    for (const [number, one] of edits.entries()) {
      const document = one.document ?? 0
      const target = this.#targets[document]
      if (!target)
        throw new YamlEditError('NO_DOCUMENT', `there is no document number ${document + 1}`, {
          document,
          path: one.path,
          edit: number,
        })
      try {
        this.#one(target, one, number, document)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        throw this.#explained(error, target.part, one, number, document)
      }
    }
    const changes = this.#log.changes()
    return { text: applyChanges(this.#text, changes), changes, reports: this.#reports }
  }

  #one({ part, index, place }: Target, one: Edit, number: number, document: number): void {
    // An item that was cut out is the only one of its list: to take it away would leave an item without anything.
    if (part.segment.part && one.path.length === 0 && one.op === 'delete')
      throw new Refusal('UNEDITABLE', 'the List has an item that cannot be read: mend it before items are taken out', 0)
    const value = 'value' in one ? checkedValue(one.value) : undefined
    let operation = { ...one, path: [...place, ...one.path], value } as Operation
    const of = { edit: number, document, path: operation.path, place }
    for (let round = 0; round < 100; round++) {
      const state = this.#open(part)
      const { root } = state.documents[index]!
      const step = planStep(state.text, root, operation, this.#sharing)
      if (step.kind === 'none') return
      if (step.kind === 'redirect') operation = { ...operation, path: step.path }
      else if (this.#take(part, state, step, index, of)) return
    }
    throw new Refusal('UNEDITABLE', 'the aliases on the way to this value do not come to an end', 0)
  }

  /** True when the edit is done, false when the text was prepared and must be looked at again. */
  #take(
    part: Part,
    state: SegmentState,
    step: Exclude<Step, { kind: 'none' | 'redirect' }>,
    index: number,
    of: Report,
  ): boolean {
    const { root } = state.documents[index]!
    const before = dataOf(state.text, root)
    if (step.kind === 'copy' || step.kind === 'expand') {
      const page = pageOf(state, index)
      const changes =
        step.kind === 'copy'
          ? spliceCopies(page, step.sites)
          : spliceMerge(page, state.documents[index]!, step.owner, step.trail)
      const next = verified(state, index, changes, before)
      if (next) this.#accept(part, next, changes)
      else this.#rewrite(part, rerender(state, index, step.kind === 'expand' ? step.trail : [], before), of)
      const names =
        step.kind === 'copy' ? [...new Set(step.sites.map(({ alias }) => `*${alias.name}`))].join(', ') : '<<'
      this.#report(of, step.kind === 'copy' ? 'copied' : 'expanded', `${names} was written out as a copy`)
      return false
    }
    const { action, trail } = step
    const intended = step.kind === 'own' ? before : meaningAfter(state.text, root, action)
    this.#rewrite(part, perform(state, index, action, trail, intended), of)
    if (step.kind === 'own') this.#report(of, 'overridden', 'a value merged with << got a copy of its own here')
    return step.kind === 'act'
  }

  #rewrite(part: Part, outcome: ReturnType<typeof perform>, of: Report): void {
    this.#accept(part, outcome.state, outcome.changes)
    if (outcome.rerendered === undefined) return
    const path = of.path.slice(0, outcome.rerendered)
    const message = `${formatPath(path)} was written anew; comments inside it may be gone`
    this.#report({ ...of, path }, 'rerendered', message)
  }

  #report({ edit, document, path, place }: Report, code: EditReport['code'], message: string): void {
    this.#reports.push({ edit, code, document, path: path.slice(place.length), message })
  }

  #accept(part: Part, state: SegmentState, changes: readonly Change[]): void {
    const base = this.#offset(part)
    this.#log.add(changes.map(({ from, to, insert }) => ({ from: from + base, to: to + base, insert })))
    part.state = state
    part.text = state.text
  }

  #offset(part: Part): number {
    let offset = this.#bom
    for (const other of this.#parts) {
      if (other === part) break
      offset += other.text.length
    }
    return offset
  }

  #open(part: Part): SegmentState {
    part.state ??= {
      text: part.text,
      documents: this.#openSegment(part.segment, part.text),
      last: part === this.#parts.at(-1),
    }
    return part.state
  }

  /** Parsed once as it was given, whether it is cut or not. */
  #openSegment(segment: Segment, text: string): readonly Parsed[] {
    const known = this.#given.get(segment)
    if (known instanceof Refusal) throw known
    if (known) return known
    try {
      const parsed = parseSegment(text, segment.count)
      this.#given.set(segment, parsed)
      return parsed
    } catch (error) {
      if (error instanceof Refusal) this.#given.set(segment, error)
      throw error
    }
  }

  /** The place of a refusal: in the text as given while this part is as given, else in the text as it stands after the edits before. */
  #explained(error: Refusal, part: Part, one: Edit, edit: number, document: number): YamlEditError {
    const position = positionOf(applyChanges(this.#text, this.#log.changes()), this.#offset(part) + error.offset)
    const choices = error.choices ? { choices: error.choices } : {}
    return new YamlEditError(error.code, error.message, { document, path: one.path, position, edit, ...choices })
  }
}

function readable(read: () => readonly Parsed[]): readonly Parsed[] | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

/** A node that keeps its anchor changes for all who use it; any other action changes its collection. */
function meaningAfter(text: string, root: Tree, action: Action): unknown {
  if (action.kind === 'root') return action.value
  if (action.kind === 'replace' && action.anchor !== undefined) {
    return dataOf(text, root, { at: action.owner.slots[action.index]!.value, make: () => action.value })
  }
  return dataOf(text, root, { at: action.owner, make: (data) => afterAction(action, data) })
}
