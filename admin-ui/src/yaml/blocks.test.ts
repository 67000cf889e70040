import { describe, expect, it } from 'vitest'
import { checked, edited } from './testing/check.ts'

const routes = `spec:
  http:
  # first
  - name: one # c
    route:
    - destination:
        host: reviews
      weight: 75
    - destination:
        host: ratings
      weight: 25 # tail
  # second
  - name: two
# end
`

describe('set', () => {
  it('replaces the bytes of the value alone', () => {
    const result = checked(routes, [{ op: 'set', path: ['spec', 'http', 0, 'route', 1, 'weight'], value: 50 }])
    const from = routes.indexOf('25')
    expect(result.changes).toEqual([{ from, to: from + 2, insert: '50' }])
  })

  it.each([
    ['a: 1.10 # c\n', 1.1, 'a: 1.10 # c\n', 'an equal number keeps its digits'],
    ["a: 'x'\n", 'it', "a: 'it'\n", 'single quotes stay'],
    ['a: "x"\n', 'it', 'a: "it"\n', 'double quotes stay'],
    ['a: x\n', 'yes', 'a: "yes"\n', 'a word of YAML 1.1 is quoted'],
    ["b: 'q'\na: x\n", 'yes', `b: 'q'\na: 'yes'\n`, 'in the quotes of the document'],
    ['a: "1"\n', 1, 'a: 1\n', 'a number is plain'],
    ['a:\n', 'v', 'a: v\n', 'a missing value'],
    ['a: # c\n', 'v', 'a: v # c\n', 'a missing value before a comment'],
    ['a: &x !t v\n', 'w', 'a: w\n', 'anchor and tag of the old value go'],
    ['a: [1, 2]\n', [3], 'a: [3]\n', 'flow stays flow'],
    ['a: {}\n', { b: 1 }, 'a:\n  b: 1\n', 'an empty map becomes a block'],
    ['a: x # c\n', { b: 1 }, 'a: # c\n  b: 1\n', 'the comment stays on its line'],
    ['a: # c\n  b: 1\n  # in\nz: 1\n', 2, 'a: 2 # c\nz: 1\n', 'comments inside a replaced map go'],
    ['a: | # c\n  x\n  y\nz: 1\n', 'v', 'a: v # c\nz: 1\n', 'block scalar to one line'],
    ['a: |\n    x\nz: 1\n', 'x\ny\n', 'a: |\n    x\n    y\nz: 1\n', 'a block scalar keeps its indentation'],
    ['a: >-\n  x\nz: 1\n', 'x\ny', 'a: >-\n  x\n\n  y\nz: 1\n', 'a folded one stays folded'],
    ['a: v\n', 'x\ny\n', 'a: |\n  x\n  y\n', 'several lines as a literal'],
    ['a: v', 'x\ny\n', 'a: "x\\ny\\n"', 'a literal would need the line break that the file does not have'],
    ['a: v\r\nb: 1\r\n', { c: 1 }, 'a:\r\n  c: 1\r\nb: 1\r\n', 'CRLF'],
    ['a:\n   26 # c\nz: 1\n', { b: 1 }, 'a: # c\n  b: 1\nz: 1\n', 'a value on its own line'],
  ])('%j = %j', (text, value: unknown, after, _rule) => {
    expect(edited(text, { op: 'set', path: ['a'], value })).toBe(after)
  })

  it('makes the parents that are missing, in the style of the document', () => {
    const text = 'spec:\n    a:\n      - 1\n'
    expect(edited(text, { op: 'set', path: ['spec', 'b', 'c', 0, 'd'], value: 1 })).toBe(
      'spec:\n    a:\n      - 1\n    b:\n        c:\n          - d: 1\n',
    )
  })

  it('starts a document in an empty text or one of comments only', () => {
    expect(edited('', { op: 'set', path: ['a'], value: 1 })).toBe('a: 1\n')
    expect(edited('# c\n', { op: 'set', path: ['a'], value: 1 })).toBe('# c\na: 1\n')
    expect(edited('--- # c\n', { op: 'set', path: ['a'], value: 1 })).toBe('--- # c\na: 1\n')
  })
})

describe('insert and append', () => {
  it('goes behind the previous item, before the comments of the next', () => {
    const after = edited(routes, { op: 'insert', path: ['spec', 'http', 1], value: { name: 'new', timeout: '1s' } })
    expect(after).toBe(routes.replace('  # second', '  - name: new\n    timeout: 1s\n  # second'))
  })

  it('goes before the first item and its comments', () => {
    expect(edited(routes, { op: 'insert', path: ['spec', 'http', 0], value: { name: 'new' } })).toBe(
      routes.replace('  # first', '  - name: new\n  # first'),
    )
  })

  it('goes to the end of a list, of a compact map, of a file without last line break', () => {
    expect(edited(routes, { op: 'append', path: ['spec', 'http'], value: { name: 'new' } })).toBe(
      routes.replace('# end', '  - name: new\n# end'),
    )
    expect(edited('- a: 1', { op: 'set', path: [0, 'b'], value: 2 })).toBe('- a: 1\n  b: 2')
  })

  it('gives a new first key to a map that begins on the line of its dash', () => {
    expect(edited('- a: 1\n', { op: 'insert', path: [0, 'm'], at: 0, value: 2 })).toBe('- m: 2\n  a: 1\n')
  })

  it('keeps the gap behind the dashes', () => {
    expect(edited('a:\n-   x: 1\n    z: 2\n', { op: 'append', path: ['a'], value: { x: 3, z: 4 } })).toBe(
      'a:\n-   x: 1\n    z: 2\n-   x: 3\n    z: 4\n',
    )
  })

  it('leaves the comment above a document at the top', () => {
    expect(edited('# licence\na: 1\n', { op: 'insert', path: ['b'], at: 0, value: 2 })).toBe('# licence\nb: 2\na: 1\n')
  })

  it('followed by delete gives the same bytes', () => {
    for (const at of [0, 1, 2]) {
      const inserted = edited(routes, { op: 'insert', path: ['spec', 'http', at], value: { name: 'new', a: [1] } })
      expect(edited(inserted, { op: 'delete', path: ['spec', 'http', at] })).toBe(routes)
    }
  })
})

describe('delete', () => {
  it('takes the comments above in the same column and the deeper ones below', () => {
    expect(edited(routes, { op: 'delete', path: ['spec', 'http', 1] })).toBe(
      routes.replace('  # second\n  - name: two\n', ''),
    )
    expect(edited('a:\n  x: 1\n    # own\n  # next\n  y: 2\n', { op: 'delete', path: ['a', 'x'] })).toBe(
      'a:\n  # next\n  y: 2\n',
    )
  })

  it('moves the next key up to the dash', () => {
    expect(edited('- name: x # c\n  port: 1\n', { op: 'delete', path: [0, 'name'] })).toBe('- port: 1\n')
  })

  it('drops one of two blank lines', () => {
    expect(edited('a: 1\n\nb: 2\n\nc: 3\n', { op: 'delete', path: ['b'] })).toBe('a: 1\n\nc: 3\n')
  })

  it('leaves {} or [] and the comment on the line', () => {
    expect(edited('a: # c\n  b: 1\n', { op: 'delete', path: ['a', 'b'] })).toBe('a: {} # c\n')
    expect(edited('a:\n- b\nc: 1\n', { op: 'delete', path: ['a', 0] })).toBe('a: []\nc: 1\n')
    expect(edited('# head\na: 1\n', { op: 'delete', path: ['a'] })).toBe('# head\n{}\n')
  })

  it('eats the line break before when the file has none at its end', () => {
    expect(edited('a: 1\nb: 2', { op: 'delete', path: ['b'] })).toBe('a: 1')
  })
})

describe('the comment above a document', () => {
  it('stays when its first key goes, also behind a blank line and in a later document', () => {
    const text = 'a: 1\r\n---\r\n\r\n# about this\r\n# document\r\nb: 1\r\nc: 2\r\n'
    expect(edited(text, { op: 'delete', document: 1, path: ['b'] })).toBe(text.replace('b: 1\r\n', ''))
  })
})

describe('rename and move', () => {
  it('a key keeps its place, quotes and comments', () => {
    expect(edited('# a\n"a": 1 # c\nb: 2\n', { op: 'rename', path: ['a'], value: 'n' })).toBe('# a\n"n": 1 # c\nb: 2\n')
    expect(edited('a: 1\n', { op: 'rename', path: ['a'], value: 'yes' })).toBe('"yes": 1\n')
  })

  it('an item takes its comments along', () => {
    const moved = edited(routes, { op: 'move', path: ['spec', 'http', 1], value: 0 })
    expect(moved).toBe(
      'spec:\n  http:\n  # second\n  - name: two\n  # first\n' +
        routes.slice(routes.indexOf('  - name: one'), routes.indexOf('  # second')) +
        '# end\n',
    )
    expect(edited(moved, { op: 'move', path: ['spec', 'http', 1], value: 0 })).toBe(routes)
  })

  it('a key moves among its siblings', () => {
    expect(edited('- a: 1\n  # b\n  b: 2\n', { op: 'move', path: [0, 'a'], value: 1 })).toBe('- # b\n  b: 2\n  a: 1\n')
  })
})
