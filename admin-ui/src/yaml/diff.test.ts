import { describe, expect, it } from 'vitest'
import { diffToEdits, edit, readDocuments } from './index.ts'
import { documentText, value } from './testing/generate.ts'
import { intended, randomEdit } from './testing/model.ts'
import { Random } from './testing/random.ts'

const ops = (before: unknown, after: unknown) =>
  diffToEdits(before, after).map((one) => [one.op, one.path.join('.'), ...('value' in one ? [one.value] : [])])

describe('diffToEdits', () => {
  it.each([
    ['equal', { a: [1] }, { a: [1] }, []],
    ['a field', { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, [['set', 'a.c', 3]]],
    ['undefined is absent', { a: 1, b: 2 }, { a: 1, b: undefined }, [['delete', 'b']]],
    ['a rename', { a: { x: 1 }, b: 2 }, { c: { x: 1 }, b: 2 }, [['rename', 'a', 'c']]],
    [
      'added before deleted, so that the map is never empty',
      { a: 1 },
      { b: 2 },
      [
        ['set', 'b', 2],
        ['delete', 'a'],
      ],
    ],
    ['emptied', { a: { b: 1 } }, { a: {} }, [['set', 'a', {}]]],
    ['another kind', { a: [1] }, { a: { b: 1 } }, [['set', 'a', { b: 1 }]]],
    [
      'items by name',
      [
        { name: 'a', v: 1 },
        { name: 'b', v: 1 },
      ],
      [{ name: 'b', v: 2 }],
      [
        ['delete', '0'],
        ['set', '0.v', 2],
      ],
    ],
    ['an item moved to the end is one move', ['a', 'b', 'c'], ['b', 'c', 'a'], [['move', '0', 2]]],
    ['an item moved to the front is one move', ['a', 'b', 'c'], ['c', 'a', 'b'], [['move', '2', 0]]],
    [
      'an item that got another name',
      [
        { name: 'a', v: 1 },
        { name: 'b', v: 1 },
      ],
      [
        { name: 'c', v: 1 },
        { name: 'b', v: 1 },
      ],
      [['set', '0.name', 'c']],
    ],
    [
      'another item in its place',
      [{ name: 'a', v: 1, w: 1 }, { name: 'b' }],
      [{ name: 'c', v: 2, w: 2 }, { name: 'b' }],
      [
        ['delete', '0'],
        ['insert', '0', { name: 'c', v: 2, w: 2 }],
      ],
    ],
    ['without names by head and tail', [{ x: 1 }, { x: 2 }, { x: 3 }], [{ x: 1 }, { x: 3 }], [['delete', '1']]],
    ['a new item in the middle', [{ x: 1 }, { x: 3 }], [{ x: 1 }, { x: 2 }, { x: 3 }], [['insert', '1', { x: 2 }]]],
  ])('%s', (_, before, after, expected) => {
    expect(ops(before, after)).toEqual(expected)
  })

  it('routes are named by their destination', () => {
    const route = (subset: string, weight: number) => ({ destination: { host: 'reviews', subset }, weight })
    expect(ops([route('v1', 90), route('v2', 10)], [route('v2', 10), route('v1', 70), route('v3', 20)])).toEqual([
      ['move', '0', 1],
      ['set', '1.weight', 70],
      ['insert', '2', route('v3', 20)],
    ])
  })

  it('a form that changes one weight changes its bytes alone', () => {
    const text = 'spec: # c\n  route:\n  - {weight: 90, name: a}\n  - {weight: 10, name: b}\n'
    const [view] = readDocuments(text)
    const after = structuredClone(view!.value) as { spec: { route: { weight: number }[] } }
    after.spec.route[1]!.weight = 25
    expect(edit(text, diffToEdits(view!.value, after)).text).toBe(text.replace('10', '25'))
  })

  it('the edits make any document mean any other value', () => {
    const random = new Random(7)
    for (let i = 0; i < 250; i++) {
      const text = documentText(random)
      const view = readDocuments(text)[0]
      if (!view || view.error) continue
      let after = view.value
      if (random.chance(0.2)) after = value(random, 3)
      for (let n = random.below(4); n > 0; n--) {
        const made = intended(after, randomEdit(random, after, 0))
        if (made !== 'invalid') after = made.after
      }
      const result = edit(text, diffToEdits(view.value, after), { sharing: 'here' })
      expect(readDocuments(result.text)[0]?.value, text).toEqual(after)
    }
  })
})
