import type { Revision } from '../api/schema.ts'

/** Those marked to compare after one was marked, or not any more: two at most, of three the one that was marked first is let go. */
export function markedTwo(before: readonly number[], id: number, on: boolean): readonly number[] {
  const others = before.filter((one) => one !== id)
  return on ? [...others, id].slice(-2) : others
}

/** The two to compare, the older one first; undefined where fewer are marked. */
export function comparedTwo(marked: readonly number[]): { readonly from: number; readonly to: number } | undefined {
  const [from, to] = [...marked].sort((one, other) => one - other)
  return from === undefined || to === undefined ? undefined : { from, to }
}

/** The first file of a revision, and how many more there are. */
export function filesOf({ files }: Pick<Revision, 'files'>): { readonly first: string; readonly more: number } {
  return { first: files[0]?.file ?? '', more: Math.max(0, files.length - 1) }
}

/** Whether a revision can be undone: all but the first, before which there was nothing. */
export function isUndoable({ id }: Pick<Revision, 'id'>): boolean {
  return id !== 1
}
