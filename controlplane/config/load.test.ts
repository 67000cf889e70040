import { describe, expect, it } from 'vitest'
import { brief, load } from '../../test/helpers/config-documents.ts'

const entry = (name: string, port: number | string = 80, metadata = '') => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}${metadata}}
spec:
  hosts: [${name}.local]
  ports: [{number: ${port}, name: http}]
`
const port = (config: ReturnType<typeof load>, name: string) =>
  (config.objects.get(`ServiceEntry/default/${name}`)?.spec as { ports: { number: number }[] } | undefined)?.ports[0]
    ?.number

describe('loading', () => {
  it('goes on with the other documents when one is wrong', () => {
    const config = load({ 'a.yaml': `${entry('a', 0)}---\n${entry('b')}` })
    expect([...config.objects.keys()]).toEqual(['ServiceEntry/default/b'])
    expect(brief(config.diagnostics)).toEqual(['FIELD_VALUE spec.ports[0].number'])
  })

  it('keeps the last valid version of a document, and says what is wrong with the new one', () => {
    const good = load({ 'a.yaml': entry('a', 80) })
    const bad = load({ 'a.yaml': entry('a', 99_999) }, good)
    expect(port(bad, 'a')).toBe(80)
    expect(bad.objects.get('ServiceEntry/default/a')).toBe(good.objects.get('ServiceEntry/default/a'))
    expect(brief(bad.diagnostics)).toEqual(['FIELD_VALUE spec.ports[0].number'])
    const still = load({ 'a.yaml': entry('a', 'x') }, bad)
    expect(port(still, 'a')).toBe(80)
    const fixed = load({ 'a.yaml': entry('a', 81) }, still)
    expect(port(fixed, 'a')).toBe(81)
    expect(fixed.diagnostics).toEqual([])
  })

  it('keeps the last valid version of an item of a List that has an error, or a key twice, while the others change', () => {
    const item = (text: string) => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`
    const list = (...items: string[]) => `kind: List\nitems:\n${items.map(item).join('')}`
    const good = load({ 'a.yaml': list(entry('a', 80), entry('b', 80)) })
    for (const broken of [entry('a', 99_999), entry('a', 81).replace('  hosts', '  hosts: [x.local]\n  hosts')]) {
      const bad = load({ 'a.yaml': list(broken, entry('b', 81)) }, good)
      expect([port(bad, 'a'), port(bad, 'b')]).toEqual([80, 81])
      const alone = load({ 'a.yaml': list(broken, entry('b', 81)) })
      expect([port(alone, 'a'), port(alone, 'b')]).toEqual([undefined, 81])
      expect(alone.refused).toMatchObject([{ name: 'a' }])
    }
    expect(port(load({ 'a.yaml': list(entry('b', 81)) }, good), 'a')).toBeUndefined()
  })

  it('finds the last valid version also when another document was put before the broken one', () => {
    const good = load({ 'a.yaml': entry('a', 80) })
    const bad = load({ 'a.yaml': `${entry('b')}---\n${entry('a', 0)}` }, good)
    expect(port(bad, 'a')).toBe(80)
    expect(port(bad, 'b')).toBe(80)
  })

  it('does not keep what a broken document no longer claims to be', () => {
    const good = load({ 'a.yaml': entry('a') })
    const other = load({ 'a.yaml': entry('b', 0) }, good)
    expect([...other.objects.keys()]).toEqual([])
  })

  it('forgets a document that is gone', () => {
    const good = load({ 'a.yaml': entry('a'), 'b.yaml': entry('b') })
    expect([...load({ 'b.yaml': entry('b') }, good).objects.keys()]).toEqual(['ServiceEntry/default/b'])
  })

  it('keeps the identity of what did not change', () => {
    const first = load({ 'a.yaml': entry('a'), 'b.yaml': entry('b') })
    const second = load({ 'a.yaml': entry('a'), 'b.yaml': entry('b', 81) }, first)
    const of = (config: ReturnType<typeof load>, name: string) => config.objects.get(`ServiceEntry/default/${name}`)
    expect(of(second, 'a')).toBe(of(first, 'a'))
    expect(of(second, 'b')).not.toBe(of(first, 'b'))
  })

  it('checks only what changed: of 5,000 documents one is read again', () => {
    const files = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`${index}.yaml`, entry(`s${index}`)]))
    const first = load(files)
    const second = load({ ...files, '7.yaml': entry('s7', 81) }, first)
    const again = [...second.entries].filter(([id, one]) => first.entries.get(id) !== one).map(([id]) => id)
    expect(again).toEqual(['7.yaml#0'])
    expect(second.objects.size).toBe(5000)
  })

  it('reports the later of two documents with the same name, naming the first', () => {
    const config = load({ 'a.yaml': entry('a', 80), 'b.yaml': entry('a', 81) })
    expect(port(config, 'a')).toBe(80)
    expect(config.diagnostics).toMatchObject([
      { code: 'OBJECT_DUPLICATE', file: 'b.yaml', message: 'ServiceEntry default/a is already declared at a.yaml:3' },
    ])
  })

  it('has one Mesh', () => {
    const mesh = (name: string) => `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: ${name}}\nspec: {}\n`
    expect(brief(load({ 'a.yaml': mesh('a'), 'b.yaml': mesh('b') }).diagnostics)).toEqual(['MESH_DUPLICATE kind'])
  })

  it('orders objects by age, then by name', () => {
    const config = load({
      'a.yaml': [
        entry('new', 80, ', creationTimestamp: "2026-02-01T00:00:00Z"'),
        entry('old', 80, ', creationTimestamp: "2026-01-01T00:00:00Z"'),
        entry('b'),
        entry('a'),
      ].join('---\n'),
    })
    expect([...config.objects.values()].map(({ name }) => name)).toEqual(['a', 'b', 'old', 'new'])
  })

  it('takes the default namespace from the Mesh, and puts everything there when it changes', () => {
    const mesh = (namespace: string) =>
      `apiVersion: meshgate.io/v1\nkind: Mesh\nspec: {defaultNamespace: ${namespace}}\n`
    const first = load({ 'a.yaml': entry('a'), 'm.yaml': mesh('one') })
    expect([...first.objects.keys()]).toContain('ServiceEntry/one/a')
    const second = load({ 'a.yaml': entry('a'), 'm.yaml': mesh('two') }, first)
    expect([...second.objects.keys()]).toContain('ServiceEntry/two/a')
    const broken = load({ 'a.yaml': entry('a'), 'm.yaml': mesh('A_B') }, second)
    expect([...broken.objects.keys()]).toContain('ServiceEntry/two/a')
  })
})
