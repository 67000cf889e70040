import { describe, expect, it } from 'vitest'
import { type Draft, type DraftStorage, Drafts, isChanged, isDeletion, sentFile, storing } from './drafts.ts'

function storage(room = Number.POSITIVE_INFINITY): DraftStorage {
  const held = new Map<string, string>()
  return {
    get length() {
      return held.size
    },
    key: (index) => [...held.keys()][index] ?? null,
    getItem: (key) => held.get(key) ?? null,
    setItem(key, value) {
      if (value.length > room) throw new DOMException('no room', 'QuotaExceededError')
      held.set(key, value)
    },
    removeItem: (key) => held.delete(key),
  }
}

const draft: Draft = { file: 'b.yaml', base: 4, baseText: 'a: 1\n', text: 'a: 2\n', savedAt: 0 }

describe('drafts', () => {
  it('survive the page', () => {
    const kept = storage()
    new Drafts(kept).put(draft)
    expect(new Drafts(kept).all()).toEqual([draft])
  })

  it('are one a file, the newest, in order of names', () => {
    const drafts = new Drafts(storage())
    drafts.put(draft)
    drafts.put({ ...draft, text: 'a: 3\n' })
    drafts.put({ ...draft, file: 'a.yaml' })
    expect(drafts.all().map(({ file, text }) => [file, text])).toEqual([
      ['a.yaml', 'a: 2\n'],
      ['b.yaml', 'a: 3\n'],
    ])
    drafts.drop('b.yaml')
    expect(drafts.get('b.yaml')).toBeUndefined()
  })

  it('that find no room live as long as the page, and say so', () => {
    const drafts = new Drafts(storage(10))
    expect(drafts.put(draft)).toBe(false)
    expect(drafts.get('b.yaml')).toEqual(draft)
  })

  it('are told about, and the list stays the same in between', () => {
    const drafts = new Drafts(storage())
    let told = 0
    const stop = drafts.subscribe(() => told++)
    drafts.put(draft)
    expect(told).toBe(1)
    expect(drafts.all()).toBe(drafts.all())
    stop()
    drafts.drop('b.yaml')
    expect(told).toBe(1)
  })

  it('ignore what others left in the storage', () => {
    const kept = storage()
    kept.setItem('meshgate.draft.x', '{"file": 1}')
    kept.setItem('meshgate.draft.y', 'no JSON')
    kept.setItem('meshgate.draft.z', JSON.stringify(draft))
    expect(new Drafts(kept).all()).toEqual([])
  })

  it('say what they would do', () => {
    expect(sentFile(draft)).toEqual({ file: 'b.yaml', text: 'a: 2\n' })
    expect(sentFile({ ...draft, text: undefined })).toEqual({ file: 'b.yaml', delete: true })
    expect(isChanged({ ...draft, text: 'a: 1\n' })).toBe(false)
  })

  it('are written when they change something, dropped when they change nothing any more, and left when they say the same', () => {
    const next = { ...draft, baseText: 'a: 1\n', text: 'a: 2\n', savedAt: 9 }
    const unchanged = { ...next, text: 'a: 1\n' }
    expect([storing(next, undefined), storing(next, { ...next, text: 'a: 3\n' })]).toEqual(['put', 'put'])
    expect(storing(next, { ...next, base: 99 })).toBe('put')
    expect(storing(next, { ...next, savedAt: 1 })).toBe('leave')
    expect([storing(unchanged, undefined), storing(unchanged, next)]).toEqual(['leave', 'drop'])
  })

  it('that delete a file stay, whatever an editor has of it', () => {
    const deletion = { ...draft, baseText: 'a: 1\n', text: undefined }
    expect([isDeletion(deletion), isDeletion(draft), isDeletion({ ...deletion, baseText: undefined })]).toEqual([
      true,
      false,
      false,
    ])
    expect([storing({ ...deletion, text: '' }, deletion), storing({ ...deletion, text: 'a: 1\n' }, deletion)]).toEqual([
      'leave',
      'leave',
    ])
  })
})
