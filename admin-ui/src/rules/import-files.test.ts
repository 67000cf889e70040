import { expect, it } from 'vitest'
import { findDocuments, freeName, rowOf } from './import-files.ts'

const rule = (name: string) => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}, namespace: shop}
spec: {host: ${name}}
`
const options = {
  kinds: new Set(['DestinationRule']),
  defaultNamespace: 'default',
  fileOf: (key: string) => (key === 'DestinationRule/shop/known' ? 'there.yaml' : undefined),
  newFile: 'imported.yaml',
}

it('the file for what is pasted has a name that is free', () => {
  expect(freeName('imported', new Set())).toBe('imported.yaml')
  expect(freeName('imported', new Set(['imported.yaml', 'imported-2.yaml']))).toBe('imported-3.yaml')
})

it('what is new comes into a file named as that it was found in, what is known stays where it is', () => {
  const found = findDocuments(
    `${rule('pasted')}---\n${rule('known')}`,
    [
      { path: 'a/cart.yml', text: rule('cart') },
      {
        path: 'b.json',
        text: '{"kind": "DestinationRule", "apiVersion": "networking.istio.io/v1", "metadata": {"name": "b"}, "spec": {"host": "b"}}',
      },
    ],
    options,
  )
  expect(found.map(({ from, name, file, result }) => [from, name?.name, file, result])).toEqual([
    ['', 'pasted', 'imported.yaml', 'new'],
    ['', 'known', 'there.yaml', 'changed'],
    ['a/cart.yml', 'cart', 'a/cart.yaml', 'new'],
    ['b.json', 'b', 'b.yaml', 'new'],
  ])
})

it('a row names the place and the object; what is none has a dash', () => {
  const name = { kind: 'DestinationRule', namespace: 'shop', name: 'cart' }
  expect(rowOf({ from: 'a.yaml', number: 2, name })).toEqual({
    place: 'a.yaml · 2',
    object: 'DestinationRule shop/cart',
  })
  expect(rowOf({ from: '', number: 1, name: undefined })).toEqual({ place: '1', object: '–' })
})
