import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromEditor, toEditor } from './line-ends.ts'

it('gives every text back byte for byte', () => {
  const piece = fc.constantFrom('\n', '\r\n', '\r', 'a', '', ' ', '\uFEFF', 'b: 1')
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('')
      const { text: edited, shape } = toEditor(text)
      expect(fromEditor(edited, shape)).toBe(text)
    }),
  )
})

it('hides CRLF and the byte order mark from the editor', () => {
  expect(toEditor('\uFEFFa: 1\r\nb: 2\r\n')).toEqual({ text: 'a: 1\nb: 2\n', shape: { mark: true, crlf: true } })
})

it('leaves mixed line ends where they are', () => {
  expect(toEditor('a: 1\r\nb: 2\n')).toEqual({ text: 'a: 1\r\nb: 2\n', shape: { mark: false, crlf: false } })
})
