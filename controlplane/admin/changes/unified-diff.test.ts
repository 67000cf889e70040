import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

test('shows changed lines with three around them', () => {
  const lines = Array.from({ length: 12 }, (_, index) => `line ${index + 1}\n`)
  const after = [...lines]
  after[5] = 'changed\n'
  expect(unifiedDiff('a.yaml', lines.join(''), after.join(''))).toBe(`--- a/a.yaml
+++ b/a.yaml
@@ -3,7 +3,7 @@
 line 3
 line 4
 line 5
-line 6
+changed
 line 7
 line 8
 line 9
`)
})

test('new and deleted files, and missing line ends', () => {
  expect(unifiedDiff('a', undefined, 'x\n')).toBe('--- /dev/null\n+++ b/a\n@@ -0,0 +1,1 @@\n+x\n')
  expect(unifiedDiff('a', 'x', undefined)).toBe(
    '--- a/a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n\\ No newline at end of file\n',
  )
  expect(unifiedDiff('a', 'x\n', 'x\n')).toBe('')
})

/** Applies a unified diff the way its format says, knowing nothing of how it was made. */
function patched(before: string, diff: string): string {
  const source = before === '' ? [] : before.split(/(?<=\n)/)
  const result: string[] = []
  let at = 0
  for (const line of diff.split(/(?<=\n)/).slice(2)) {
    const hunk = /^@@ -(\d+),(\d+) /.exec(line)
    if (hunk) {
      const start = Number(hunk[2]) === 0 ? Number(hunk[1]) : Number(hunk[1]) - 1
      while (at < start) result.push(source[at++]!)
    } else if (line.startsWith('\\')) {
      // Belongs to the line before it, whatever its sign.
      const last = result.length - 1
      if (!dropped && last >= 0) result[last] = result[last]!.replace(/\n$/, '')
    } else {
      dropped = line.startsWith('-')
      if (line.startsWith('+')) result.push(line.slice(1))
      else {
        const expected = source[at++]!
        if (expected.replace(/\n$/, '') !== line.slice(1).replace(/\n$/, '')) throw new Error(`no match: ${line}`)
        if (!dropped) result.push(line.slice(1))
      }
    }
  }
  return [...result, ...source.slice(at)].join('')
}
let dropped = false

const text = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd: 1', ''), { maxLength: 30 })
  .chain((lines) => fc.boolean().map((end) => lines.join('\n') + (end && lines.length > 0 ? '\n' : '')))

test('applied to the text before, it gives the text after', () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      if (before !== after) expect(patched(before, unifiedDiff('f', before, after))).toBe(after)
    }),
    { numRuns: 3_000 },
  )
})

test('texts with thousands of differing lines cost no more than they must', () => {
  const lines = (seed: number) => Array.from({ length: 5_000 }, (_, index) => `${index * seed}\n`).join('')
  expect(patched(lines(3), unifiedDiff('f', lines(3), lines(7)))).toBe(lines(7))
})
