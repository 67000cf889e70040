import { describe, expect, it } from 'vitest'
import { checkTexts } from '../../../controlplane/admin/analyze.ts'
import { kindSchema } from '../../../test/helpers/kind-schemas.ts'
import { keptFields } from '../forms/fields.ts'
import { readDocuments } from '../yaml/index.ts'
import { importDrafts, readImport } from './import.ts'
import { TEMPLATES } from './templates.ts'

describe('templates', () => {
  it.each(TEMPLATES.map((one) => [one.id, one] as const))(
    '%s is valid, of its kind and has a form for all of it',
    (_, { kind, text }) => {
      const document = text('cart', 'shop', 'cart.shop.svc.cluster.local')
      const service = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: cart, namespace: shop }
spec: { hosts: [cart.shop.svc.cluster.local], resolution: DNS, ports: [{ number: 80, name: http, protocol: HTTP }] }
`
      const { diagnostics } = checkTexts({ 'a.yaml': document, 'b.yaml': service })
      // Subsets and protocols are declared elsewhere.
      const wrong = diagnostics.filter(({ severity, code }) => severity === 'error' && code !== 'SUBSET_NOT_FOUND')
      expect(wrong).toEqual([])
      const value = readDocuments(document)[0]!.value
      expect(value).toMatchObject({ kind, metadata: { name: 'cart', namespace: 'shop' } })
      expect(keptFields(kindSchema(kind)!, value)).toEqual([])
    },
  )

  it('quote names that YAML would read as something else', () => {
    const [split] = TEMPLATES
    expect(readDocuments(split!.text('123', 'on', '*.example.com'))[0]!.value).toMatchObject({
      metadata: { name: '123', namespace: 'on' },
      spec: { hosts: ['*.example.com'] },
    })
  })
})

describe('import into a namespace', () => {
  const options = {
    kinds: new Set(['VirtualService']),
    defaultNamespace: 'default',
    fileOf: () => undefined,
    newFile: 'imported.yaml',
  }
  const text =
    '# a\nkind: VirtualService\nmetadata:\n  name: a # one\n---\nkind: VirtualService\nmetadata: {name: b, namespace: own}\n'

  it('writes it into documents that name none, and nothing else', () => {
    const [a, b] = readImport(text, { ...options, namespace: 'shop' })
    expect(a).toMatchObject({ name: { namespace: 'shop' } })
    expect(a!.text).toContain('  name: a # one\n  namespace: shop\n')
    expect(b).toMatchObject({ name: { namespace: 'own' } })
    expect(b!.text).not.toContain('shop')
  })

  it('leaves them as they are where it is the default one', () => {
    for (const namespace of ['', 'default'])
      expect(readImport(text, { ...options, namespace })[0]!.text).not.toContain('namespace')
  })
})

describe('import of a List', () => {
  it('takes its items one by one, without what a cluster wrote into them', () => {
    const text = `apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {name: a, namespace: shop, managedFields: [{manager: kubectl}]}
  spec: {hosts: [a]} # kept
  status: {}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: b}
`
    const options = { kinds: new Set(['VirtualService']), defaultNamespace: 'default', fileOf: () => undefined }
    const [a, b, ...more] = readImport(text, { ...options, newFile: 'imported.yaml' })
    expect(a).toMatchObject({ name: { kind: 'VirtualService', namespace: 'shop', name: 'a' }, result: 'new' })
    expect(readDocuments(a!.text)[0]!.value).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'a', namespace: 'shop' },
      spec: { hosts: ['a'] },
    })
    expect(a!.text).toContain('spec: {hosts: [a]} # kept\n')
    expect(b).toMatchObject({ name: { kind: 'ConfigMap' }, result: 'unsupported' })
    expect(more).toEqual([])
  })

  it('changes an item of a List that is there already, and nothing beside it', () => {
    const list = (host: string) =>
      `kind: VirtualServiceList\nitems:\n# one\n- metadata: {name: a}\n  spec: {hosts: [${host}]} # its\n- metadata: {name: b}\n`
    const options = {
      kinds: new Set(['VirtualService']),
      defaultNamespace: 'default',
      fileOf: (key: string) => (key === 'VirtualService/default/a' ? 'a.yaml' : undefined),
      newFile: 'imported.yaml',
    }
    const files = new Map([['a.yaml', { file: 'a.yaml', base: 3, baseText: list('a'), text: list('a') }]])
    const pasted = readImport('kind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [z]}\n', options)
    expect(importDrafts(pasted, files, 7, 0).drafts).toMatchObject([{ file: 'a.yaml', text: list('z') }])
  })
})

describe('import', () => {
  const there = '# ours\nkind: VirtualService\nmetadata: { name: a }\nspec:\n  hosts: [a] # one\n'
  const options = {
    kinds: new Set(['VirtualService', 'DestinationRule']),
    defaultNamespace: 'default',
    fileOf: (key: string) => (key === 'VirtualService/default/a' ? 'a.yaml' : undefined),
    newFile: 'imported.yaml',
  }
  const pasted = `kind: VirtualService
metadata:
  name: a
spec:
  hosts:
  - b
---
kind: DestinationRule
metadata: {name: fresh}
spec: {host: a}
---
kind: Deployment
metadata: {name: x}
---
just text
---
a: [
`

  it('says of every document what becomes of it', () => {
    expect(readImport(pasted, options).map(({ result, file }) => [result, file])).toEqual([
      ['changed', 'a.yaml'],
      ['new', 'imported.yaml'],
      ['unsupported', undefined],
      ['broken', undefined],
      ['broken', undefined],
    ])
  })

  it('writes only values that differ into what is there, and adds what is new as it was pasted', () => {
    const files = new Map([['a.yaml', { file: 'a.yaml', base: 3, baseText: there, text: there }]])
    const { drafts, same } = importDrafts(readImport(pasted, options), files, 7, 0)
    expect(same).toBe(0)
    expect(drafts).toEqual([
      { file: 'a.yaml', base: 3, baseText: there, text: there.replace('[a]', '[b]'), savedAt: 0 },
      {
        file: 'imported.yaml',
        base: 7,
        baseText: undefined,
        text: 'kind: DestinationRule\nmetadata: {name: fresh}\nspec: {host: a}\n',
        savedAt: 0,
      },
    ])
  })

  it('of what is there already makes no draft', () => {
    const files = new Map([['a.yaml', { file: 'a.yaml', base: 3, baseText: there, text: there }]])
    expect(importDrafts(readImport(there, options), files, 7, 0)).toEqual({ drafts: [], same: 1 })
  })
})
