import type { Draft } from '../change/drafts.ts'

/** One file as an editor and the store of drafts have it. */
export interface Kept {
  /** What this editor last read from the store, or wrote there. */
  readonly kept: string
  /** What stands in the editor. */
  readonly now: string
  /** The draft of the file, undefined where there is none. */
  readonly draft: Draft | undefined
  /** What the file was when the changes began: what no draft stands for. */
  readonly baseText: string | undefined
}

/**
 * What an editor does when the draft of its file is not the one it kept, because another tab wrote or dropped it: `follow` that text where
 * nothing was typed here since; `both` where something was: this text stays, the other one is kept beside it; else nothing.
 */
export function fromOtherTab({ kept, now, draft, baseText }: Kept): 'none' | 'follow' | 'both' {
  const stored = storedText(draft, baseText)
  if (stored === undefined || stored === kept || stored === now) return 'none'
  return now === kept ? 'follow' : draft ? 'both' : 'none'
}

/** The text the store has for a file; undefined where a draft says that the file shall go. */
export function storedText(draft: Draft | undefined, baseText: string | undefined): string | undefined {
  return draft ? draft.text : (baseText ?? '')
}
