import { expect } from 'vitest'
import type { Edit, EditOptions, EditResult } from '../index.ts'
import { applyChanges, edit, invertChanges } from '../index.ts'

/** Edits a text; checks that the changes make the result and that their inversion gives every byte back. */
export function checked(text: string, edits: readonly Edit[], options?: EditOptions): EditResult {
  const result = edit(text, edits, options)
  expect(applyChanges(text, result.changes)).toBe(result.text)
  expect(applyChanges(result.text, invertChanges(text, result.changes))).toBe(text)
  return result
}

/** The text after edits that need no rewriting of a node. */
export function edited(text: string, ...edits: readonly Edit[]): string {
  const result = checked(text, edits)
  expect(result.reports).toEqual([])
  return result.text
}
