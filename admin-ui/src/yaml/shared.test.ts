import { describe, expect, it } from 'vitest'
import { edit, YamlEditError } from './index.ts'
import { checked } from './testing/check.ts'

const text = 'base: &b # c\n  x: 1\n  z: 2\none: *b\ntwo:\n  <<: *b # m\n  z: 3\n'

function code(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    if (error instanceof YamlEditError) return { code: error.code, choices: error.choices, line: error.position?.line }
    throw error
  }
  return undefined
}

describe('editing what several places share', () => {
  it('asks when no choice was made, through the alias and at the anchor', () => {
    const choices = ['here', 'everywhere']
    expect(code(() => edit(text, [{ op: 'set', path: ['one', 'x'], value: 9 }]))).toEqual({
      code: 'SHARED',
      choices,
      line: 4,
    })
    expect(code(() => edit(text, [{ op: 'set', path: ['base', 'x'], value: 9 }]))).toEqual({
      code: 'SHARED',
      choices,
      line: 1,
    })
  })

  it('here: the alias becomes a copy, which is edited', () => {
    const result = checked(text, [{ op: 'set', path: ['one', 'x'], value: 9 }], { sharing: 'here' })
    expect(result.text).toBe(text.replace('one: *b', 'one:\n  x: 9\n  z: 2'))
    expect(result.reports.map((report) => report.code)).toEqual(['copied'])
  })

  it('here, at the anchor: the others get copies of the old value', () => {
    const result = checked(text, [{ op: 'set', path: ['base', 'x'], value: 9 }], { sharing: 'here' })
    expect(result.text).toBe(
      'base: &b # c\n  x: 9\n  z: 2\none:\n  x: 1\n  z: 2\ntwo:\n  <<: # m\n    x: 1\n    z: 2\n  z: 3\n',
    )
  })

  it('everywhere: the node with the anchor is edited, from wherever one came', () => {
    for (const path of [
      ['one', 'x'],
      ['base', 'x'],
      ['two', 'x'],
    ]) {
      const result = checked(text, [{ op: 'set', path, value: 9 }], { sharing: 'everywhere' })
      expect(result.text).toBe(text.replace('x: 1', 'x: 9'))
    }
  })

  it('everywhere: a replaced value keeps its anchor', () => {
    expect(checked('a: &x 1\nb: *x\n', [{ op: 'set', path: ['b'], value: 2 }], { sharing: 'everywhere' }).text).toBe(
      'a: &x 2\nb: *x\n',
    )
    expect(
      checked('a: &x {b: 1}\nb: *x\n', [{ op: 'set', path: ['a'], value: [1] }], { sharing: 'everywhere' }).text,
    ).toBe('a: &x [1]\nb: *x\n')
  })

  it('replacing an alias as a whole concerns nobody else', () => {
    expect(checked(text, [{ op: 'set', path: ['one'], value: 1 }]).text).toBe(text.replace('one: *b', 'one: 1'))
  })

  it('deleting the node with the anchor leaves copies', () => {
    const result = checked('a: &x [1, 2]\nb: *x\n', [{ op: 'delete', path: ['a'] }])
    expect(result.text).toBe('b:\n- 1\n- 2\n')
    expect(result.reports.map((report) => report.code)).toEqual(['copied'])
  })

  it('a copy keeps the digits of a number', () => {
    expect(
      checked('a: &x [1.10, 12345678901234567890]\nb: *x\n', [{ op: 'append', path: ['b'], value: 1 }], {
        sharing: 'here',
      }).text,
    ).toBe('a: &x [1.10, 12345678901234567890]\nb:\n- 1.10\n- 12345678901234567890\n- 1\n')
  })
})

describe('merge keys', () => {
  it('a merged value is overridden by an own key', () => {
    expect(checked(text, [{ op: 'set', path: ['two', 'x'], value: 9 }]).text).toBe(`${text}  x: 9\n`)
  })

  it('below a merged map the key is copied in first', () => {
    const result = checked('b: &b {m: {x: 1, z: 2}}\nc:\n  <<: *b\n', [{ op: 'set', path: ['c', 'm', 'x'], value: 2 }])
    expect(result.text).toBe('b: &b {m: {x: 1, z: 2}}\nc:\n  <<: *b\n  m:\n    x: 2\n    z: 2\n')
    expect(result.reports.map((report) => report.code)).toEqual(['overridden'])
  })

  it('deleting or renaming expands the merge, or the merged value would come back', () => {
    expect(checked(text, [{ op: 'delete', path: ['two', 'z'] }]).text).toBe(
      text.replace('  <<: *b # m\n  z: 3', '  x: 1'),
    )
    expect(checked(text, [{ op: 'rename', path: ['two', 'x'], value: 'm' }]).text).toBe(
      text.replace('  <<: *b # m', '  m: 1'),
    )
  })
})
