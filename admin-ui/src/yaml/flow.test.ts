import { describe, expect, it } from 'vitest'
import { edited } from './testing/check.ts'

const lines = 'a: [\n  x, # cx\n  y  # cy\n]\n'

describe('flow collections', () => {
  it.each([
    ['a: [x, y]', 'a: [x, w, y]', 'in the middle'],
    ['a: [x]', 'a: [x, w]', 'at the end'],
    ['a: [x, ]', 'a: [x, w, ]', 'before a trailing comma'],
    [lines, 'a: [\n  x, # cx\n  w,\n  y  # cy\n]\n', 'one item a line'],
    ['a: [\n  x\n]\n', 'a: [\n  x,\n  w\n]\n', 'behind the last of the lines'],
    ['a: [\n  x,\n]\n', 'a: [\n  x,\n  w,\n]\n', 'behind the last with a comma'],
  ])('insert into %j gives %j', (text, after) => {
    expect(edited(text, { op: 'insert', path: ['a', 1], value: 'w' })).toBe(after)
  })

  it('insert as the first', () => {
    expect(edited('a: [x]', { op: 'insert', path: ['a', 0], value: 'w' })).toBe('a: [w, x]')
    expect(edited(lines, { op: 'insert', path: ['a', 0], value: 'w' })).toBe('a: [\n  w,\n  x, # cx\n  y  # cy\n]\n')
  })

  it.each([
    ['a: [x, y, z]', 1, 'a: [x, z]'],
    ['a: [x, y]', 0, 'a: [y]'],
    ['a: [x, y, ]', 1, 'a: [x, ]'],
    ['a: [ x ]', 0, 'a: []'],
    [lines, 0, 'a: [\n  y  # cy\n]\n'],
    [lines, 1, 'a: [\n  x # cx\n]\n'],
  ])('delete from %j item %i', (text, index, after) => {
    expect(edited(text, { op: 'delete', path: ['a', index] })).toBe(after)
  })

  it('a map gets keys, values and padding as its neighbours have them', () => {
    expect(edited('a: {b: 1}\n', { op: 'set', path: ['a', 'c'], value: 'x, y' })).toBe('a: {b: 1, c: "x, y"}\n')
    expect(edited('a: {b}\n', { op: 'set', path: ['a', 'b'], value: 1 })).toBe('a: {b: 1}\n')
    expect(edited('x: [{}]\ny: { z: 1 }\n', { op: 'set', path: ['x', 0, 'b'], value: { c: [] } })).toBe(
      'x: [{ b: { c: [] } }]\ny: { z: 1 }\n',
    )
    expect(edited('{a: 1}\n', { op: 'rename', path: ['a'], value: 'b, c' })).toBe('{"b, c": 1}\n')
  })

  it('items change seats, with the comments behind them', () => {
    expect(edited(lines, { op: 'move', path: ['a', 1], value: 0 })).toBe('a: [\n  y,  # cy\n  x # cx\n]\n')
    expect(edited('a: [x, {y: 1}, z]', { op: 'move', path: ['a', 0], value: 2 })).toBe('a: [{y: 1}, z, x]')
  })
})
