import type { Draft } from '../change/drafts.ts'

/** A file that a plan found changed by somebody else. */
interface Clash {
  readonly file: string
  readonly theirs?: string
}

/** What others made of a file meanwhile. */
export interface Others {
  /** Undefined: they deleted it. */
  readonly theirs: string | undefined
  readonly revision: number
}

/**
 * What others made of a file since its changes were begun: as the plan tells it, which is newer, or as the configuration has it; undefined
 * where nobody did.
 * @param behind the configuration moved on under the changes
 */
export function othersOf(
  file: string,
  conflict: { readonly conflicts?: readonly Clash[]; readonly revision?: number } | undefined,
  behind: boolean,
  current: { readonly text: string | undefined; readonly revision: number } | undefined,
  base: Pick<Draft, 'base'>,
): Others | undefined {
  const clash = conflict?.conflicts?.find((one) => one.file === file)
  if (!clash && !behind) return undefined
  return {
    theirs: clash ? clash.theirs : current?.text,
    revision: conflict?.revision ?? current?.revision ?? base.base,
  }
}
