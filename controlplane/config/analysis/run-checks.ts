import type { Diagnostic } from '../../diagnostics/diagnostic.ts'
import { complain } from '../../diagnostics/report.ts'
import type { ConfigObject } from '../object.ts'
import type { Check, Complain, Each, Readable, World } from './world.ts'

/** What checks said about a world, and what of it still holds for the next one. */
export interface Findings {
  readonly diagnostics: readonly Diagnostic[]
  readonly world: World
  readonly of: ReadonlyMap<Check, Finding>
}

interface Finding {
  readonly reads: ReadonlySet<Readable>
  readonly diagnostics: readonly Diagnostic[]
  /** Of a check that looks at objects one by one. */
  readonly each?: ReadonlyMap<ConfigObject, readonly Diagnostic[]>
}

/** Objects looked at between two pauses. */
const BETWEEN_PAUSES = 200

/**
 * Runs checks over one world and collects what they say. A check that read nothing that is different from the world of `before` said it
 * already. Yields between pieces of work.
 */
export function* runChecks(world: World, checks: readonly Check[], before?: Findings): Generator<void, Findings> {
  const same = comparison(world, before?.world)
  const findings = new Map<Check, Finding>()
  for (const check of checks) {
    const known = before?.of.get(check)
    const holds = known !== undefined && [...known.reads].every(same)
    const kinds = check.each?.kinds ?? []
    if (holds && kinds.every(same)) findings.set(check, known)
    else if (check.each) findings.set(check, yield* lookAtEach(world, check.each, holds ? known : undefined))
    else findings.set(check, lookAtAll(world, check))
    yield
  }
  return { diagnostics: [...findings.values()].flatMap(({ diagnostics }) => diagnostics), world, of: findings }
}

function lookAtAll(world: World, check: Check): Finding {
  const { said, add } = collector()
  const reads = world.reads(() => check(world, add))
  return { reads, diagnostics: said() }
}

function* lookAtEach(world: World, { kinds, begin }: Each, known: Finding | undefined): Generator<void, Finding> {
  const { said, add } = collector()
  // What was not looked at again still follows from what was read then.
  const reads = new Set(known?.reads)
  const noted = (look: () => void) => {
    for (const kind of world.reads(look)) reads.add(kind)
  }
  let look: ReturnType<Each['begin']> | undefined
  const each = new Map<ConfigObject, readonly Diagnostic[]>()
  let looked = 0
  for (const kind of kinds)
    for (const object of world.objects(kind)) {
      const before = known?.each?.get(object)
      if (before) {
        each.set(object, before)
        continue
      }
      noted(() => {
        look ??= begin(world, add)
        look(object)
      })
      each.set(object, said())
      if (++looked % BETWEEN_PAUSES === 0) yield
    }
  return { reads, diagnostics: [...each.values()].flat(), each }
}

const NOTHING: readonly Diagnostic[] = []

/** Collects complaints; `said` returns those since the last call. */
function collector(): { readonly said: () => readonly Diagnostic[]; readonly add: Complain } {
  let diagnostics: Diagnostic[] = []
  return {
    said: () => {
      const found = diagnostics.length === 0 ? NOTHING : diagnostics
      diagnostics = []
      return found
    },
    add: (object, code, path, message, hint) => {
      diagnostics.push(complain(object.source, code, path, message, { hint }))
    },
  }
}

/** Whether a kind has the same objects, with the same places in files, in both worlds. */
function comparison(world: World, before: World | undefined): (kind: Readable) => boolean {
  const known = new Map<Readable, boolean>()
  return (kind) => {
    let same = known.get(kind)
    if (same === undefined) {
      same = before !== undefined && sameItems(before.items(kind), world.items(kind))
      known.set(kind, same)
    }
    return same
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
