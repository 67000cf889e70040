import { describe, expect, it } from 'vitest'
import type { Draft } from '../change/drafts.ts'
import { fromOtherTab } from './other-tab.ts'

const draft = (text: string | undefined): Draft => ({ file: 'a.yaml', base: 1, baseText: 'a: 1\n', text, savedAt: 0 })
const BASE = { baseText: 'a: 1\n' }

describe('a file that is open in two tabs', () => {
  it('follows what the other one writes', () => {
    expect(fromOtherTab({ ...BASE, kept: 'a: 1\n', now: 'a: 1\n', draft: draft('a: 2\n') })).toBe('follow')
    expect(fromOtherTab({ ...BASE, kept: 'a: 2\n', now: 'a: 2\n', draft: draft('a: 3\n') })).toBe('follow')
  })

  it('follows the other one back when the draft is discarded or applied there', () => {
    expect(fromOtherTab({ ...BASE, kept: 'a: 2\n', now: 'a: 2\n', draft: undefined })).toBe('follow')
  })

  it('keeps both texts where both typed within the same moment', () => {
    expect(fromOtherTab({ ...BASE, kept: 'a: 1\n', now: 'a: 9\n', draft: draft('a: 2\n') })).toBe('both')
  })

  it('has nothing to do with what it wrote itself, with the same text, and with a file that shall go', () => {
    expect(fromOtherTab({ ...BASE, kept: 'a: 2\n', now: 'a: 3\n', draft: draft('a: 2\n') })).toBe('none')
    expect(fromOtherTab({ ...BASE, kept: 'a: 1\n', now: 'a: 2\n', draft: draft('a: 2\n') })).toBe('none')
    expect(fromOtherTab({ ...BASE, kept: 'a: 1\n', now: 'a: 1\n', draft: draft(undefined) })).toBe('none')
    expect(fromOtherTab({ ...BASE, kept: 'a: 1\n', now: 'a: 1\n', draft: undefined })).toBe('none')
  })

  it('keeps what was typed here where the other one dropped the draft', () => {
    expect(fromOtherTab({ ...BASE, kept: 'a: 2\n', now: 'a: 3\n', draft: undefined })).toBe('none')
  })
})
