import { describe, expect, it } from 'vitest'
import type { YamlErrorCode } from './index.ts'
import { edit, pathAt, readDocuments, YamlEditError } from './index.ts'

const wide = (n: number, line: (i: number) => string) => Array.from({ length: n }, (_, i) => line(i)).join('\n')
const bomb = (levels: number) =>
  `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${wide(levels, (i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`)}\n`

function outcome(text: string): YamlErrorCode | 'edited' {
  try {
    edit(text, [{ op: 'set', path: ['zz'], value: 1 }])
    return 'edited'
  } catch (error) {
    if (error instanceof YamlEditError) return error.code
    throw error
  }
}

/** Each of these takes the library, or a plain walk over its result, minutes or gigabytes; here each must simply come to an end. */
describe('hostile texts are edited or refused, and never hang', () => {
  it.each([
    ['40,000 keys in one map', wide(40_000, (i) => `k${i}: ${i}`), 'edited'],
    ['20,000 aliases of one anchor', `x: &a 1\n${wide(20_000, (i) => `k${i}: *a`)}`, 'edited'],
    ['10,000 anchors, each used', wide(10_000, (i) => `k${i}: &a${i} 1\nl${i}: *a${i}`), 'edited'],
    ['a million commas', `[${','.repeat(1_000_000)}`, 'SYNTAX'],
    ['100,000 open brackets', '['.repeat(100_000), 'TOO_DEEP'],
    ['100,000 dashes', '- '.repeat(100_000), 'TOO_DEEP'],
    ['50,000 nested flow maps', '{a: '.repeat(50_000), 'TOO_DEEP'],
    ['a million colons', ':'.repeat(1_000_000), 'SYNTAX'],
    ['1,000 levels of blocks', wide(1_000, (i) => `${' '.repeat(i)}a:`), 'TOO_DEEP'],
    ['a string of a million characters', `a: "${'x'.repeat(1_000_000)}"\n`, 'edited'],
    ['half a million blank lines', `${'\n'.repeat(500_000)}a: 1\n`, 'edited'],
    ['200,000 comment lines', `a: 1\n${'# x\n'.repeat(200_000)}`, 'edited'],
    ['a billion laughs', bomb(12), 'TOO_LARGE'],
    [
      'a chain of 20,000 aliases',
      `a0: &a0 [x]\n${wide(20_000, (i) => `a${i + 1}: &a${i + 1} [*a${i}]`)}\n`,
      'TOO_DEEP',
    ],
    ['more than the limit', 'x'.repeat(5_000_000), 'TOO_LARGE'],
    ['an alias inside its own value', 'a: &a {b: *a}\n', 'CIRCULAR'],
    [
      'an alias bomb of merges',
      `a0: &a0 {x: 1}\n${wide(30, (i) => `a${i + 1}: &a${i + 1} {<<: [*a${i}, *a${i}, *a${i}], k${i}: 1}`)}\n`,
      'TOO_LARGE',
    ],
  ] as const)('%s', { timeout: 120_000 }, (_, text, expected) => {
    expect(outcome(text)).toBe(expected)
  })

  it('100,000 documents: one of them is edited without reading the others', { timeout: 120_000 }, () => {
    const text = '---\na: 1\n'.repeat(100_000)
    const result = edit(text, [{ op: 'set', document: 70_000, path: ['a'], value: 2 }])
    expect(result.changes).toEqual([{ from: 70_000 * 9 + 7, to: 70_000 * 9 + 8, insert: '2' }])
  })

  it('20,000 documents are read one after the other', { timeout: 120_000 }, () => {
    expect(readDocuments('---\n- 1\n'.repeat(20_000))).toHaveLength(20_000)
  })

  it('reading and cursors do not throw either', { timeout: 120_000 }, () => {
    for (const text of ['['.repeat(20_000), bomb(12), 'a: &a {b: *a}\n', 'a: b: c\n', '<<: 1\n', '\u0000', '%']) {
      for (const view of readDocuments(text)) expect(view.value === undefined || view.error === undefined).toBe(true)
      pathAt(text, 3)
    }
  })

  it('copies out of a small bomb stay within their limit', () => {
    expect(() =>
      edit(
        bomb(4),
        [
          { op: 'delete', path: ['a4', 0] },
          { op: 'append', path: ['a4', 0], value: 1 },
        ],
        { sharing: 'here' },
      ),
    ).not.toThrow()
    expect(() => edit(`${bomb(4)}c: *a4\nd: *a4\n`, [{ op: 'delete', path: ['a4'] }])).toThrow(/100000/)
  })
})
