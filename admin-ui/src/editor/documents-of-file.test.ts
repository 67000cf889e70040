import { describe, expect, it } from 'vitest'
import { OpenText } from '../yaml/index.ts'
import { documentNames, placeOf, subsetsIn } from './documents-of-file.ts'

const FILE = `# rules of the cart
kind: VirtualService
metadata: { labels: { name: not-it }, name: cart }
spec:
  hosts: [cart]
---
kind: "DestinationRule"
metadata:
  # its own
  labels:
    name: not-it
  namespace: shop
  name: cart
spec:
  host: cart
  subsets:
    - name: v1
    - { name: v2 }
    - {}
---
just: text
`
const open = new OpenText(FILE)
const written = (document: number, ...path: (string | number)[]) => {
  const place = placeOf(open, document, path)
  return place && FILE.slice(place.from, place.to)
}

describe('the documents of a file', () => {
  it('have the names they give themselves, not those of their labels', () => {
    expect(documentNames(open).map(({ value, label }) => [value, label])).toEqual([
      ['0', '1 · VirtualService cart'],
      ['1', '2 · DestinationRule cart'],
      ['2', '3 · ? '],
    ])
  })

  it('are named without being read where they are items of a large List', () => {
    const items = Array.from(
      { length: 2_000 },
      (_, i) => `  # one\n  -   kind: Sidecar\n      metadata:\n        labels: { name: no }\n        name: n${i}\n`,
    )
    const large = new OpenText(`kind: List\nitems:\n${items.join('')}`)
    expect(documentNames(large)[1_234]).toEqual({ value: '1234', label: '1235 · Sidecar n1234' })
    expect(large.isRead(1_234)).toBe(false)
  })

  it('declare subsets for a host; those without a name, and other hosts, have none', () => {
    expect(subsetsIn(open, 'cart')).toEqual(['v1', 'v2'])
    expect(subsetsIn(open, 'reviews')).toEqual([])
  })

  it('have fields that stand from their key to the end of that line, or of the value', () => {
    expect(written(0, 'spec', 'hosts')).toBe('hosts: [cart]')
    expect(written(0, 'spec', 'hosts', 0)).toBe('cart')
    expect(written(1, 'spec', 'subsets')).toBe('subsets:')
    expect(written(1, 'spec', 'subsets', 1, 'name')).toBe('name: v2')
  })

  it('a field that is not there stands where it would be; nothing stands in a document that cannot be read', () => {
    expect(placeOf(open, 1, ['spec', 'trafficPolicy'])).toMatchObject({ from: expect.any(Number) })
    expect(written(1, 'spec', 'trafficPolicy')).toBe('')
    expect(placeOf(new OpenText('a: [\n'), 0, ['a'])).toBeUndefined()
  })
})
