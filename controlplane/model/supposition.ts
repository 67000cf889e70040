import { type Reads, setReading, type Writes, writesNow, writesOf } from './reads.ts'

/** What is supposed, and what was computed for it so far. */
export interface Supposed {
  readonly values: ReadonlyMap<object, unknown>
  readonly writes: Writes
  readonly outcomes: Map<object, unknown>
  readonly states: Map<object, unknown>
  /** The present that `outcomes` go with. */
  moment: number
}

/** What is supposed at present: cells ask while they compute. */
export let supposed: Supposed | undefined

/** Sources that have other values than at present, for those who want to know what would follow. */
export interface Supposition {
  /** What setting these values would write. */
  readonly writes: Writes
}

/** Supposes that sources have these values. Nothing is written, and nobody is told. */
export function suppose(values: ReadonlyMap<{ readonly reads: Reads }, unknown>): Supposition {
  const made: Supposed = {
    values,
    writes: writesOf(values.keys()),
    outcomes: new Map(),
    states: new Map(),
    moment: writesNow(),
  }
  return made
}

/**
 * Reads cells as they would be. What does not follow from the values supposed is what it is at present, the same object; all else is
 * computed beside it, once for each supposition, and the present stays as it is. `read` must not wait for anything.
 */
export function supposing<T>(supposition: Supposition, read: () => T): T {
  const next = supposition as Supposed
  if (next.moment !== writesNow()) {
    next.outcomes.clear()
    next.states.clear()
    next.moment = writesNow()
  }
  return as(next, read)
}

/** Whether what is computed is only supposed: it must leave no trace in what is kept outside of cells. */
export function isSupposing(): boolean {
  return supposed !== undefined
}

/** Something of somebody that lasts as long as what is supposed. @throws Error when nothing is */
export function supposedState<T>(owner: object, make: () => T): T {
  if (!supposed) throw new Error('nothing is supposed')
  let state = supposed.states.get(owner) as T | undefined
  if (state === undefined) {
    state = make()
    supposed.states.set(owner, state)
  }
  return state
}

/** Computes what is, whatever is supposed. */
export function presently<T>(compute: () => T): T {
  return as(undefined, compute)
}

/** Reads for nobody, with this supposition or with none. */
function as<T>(next: Supposed | undefined, read: () => T): T {
  const outer = supposed
  const outerReading = setReading(undefined)
  supposed = next
  try {
    return read()
  } finally {
    supposed = outer
    setReading(outerReading)
  }
}
