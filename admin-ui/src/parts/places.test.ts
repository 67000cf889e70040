import { describe, expect, it } from 'vitest'
import { byDocument } from './places.ts'

const at = (document: string, line: number, column = 1) => ({ document, file: `${document}.yaml`, line, column })

describe('places of documents', () => {
  it('stand together by document, from the top, documents as they come', () => {
    const places = [at('b', 7), at('a', 3), at('b', 2)]
    expect(byDocument(places)).toEqual([[at('b', 2), at('b', 7)], [at('a', 3)]])
  })

  it('name a line once, by its first place', () => {
    expect(byDocument([at('a', 3, 5), at('a', 3, 9)])).toEqual([[at('a', 3, 5)]])
  })

  it('are none where nothing of the configuration decided', () => {
    expect(byDocument([])).toEqual([])
  })
})
