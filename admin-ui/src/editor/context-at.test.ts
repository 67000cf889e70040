import { describe, expect, it } from 'vitest'
import { kindSchema } from '../../../test/helpers/kind-schemas.ts'
import { hintAt, suggestionsAt } from './context-at.ts'

const options = {
  schemaOf: kindSchema,
  kinds: [{ kind: 'VirtualService', group: 'networking.istio.io', versions: ['v1', 'v1beta1'] }],
  hosts: ['reviews.default.svc.cluster.local'],
}

/** The suggestions at `|`. */
const at = (text: string) => suggestionsAt(text.replace('|', ''), text.indexOf('|'), options)
const labels = (text: string) => at(text)?.options.map(({ label }) => label)

const head = 'kind: VirtualService\nspec:\n  http:\n    - route:\n        - destination: { host: a }\n'

describe('suggestions', () => {
  it('are the fields of the map the cursor is in, without those it has', () => {
    const found = labels(`${head}      |`)
    expect(found).toContain('timeout')
    expect(found).not.toContain('route')
    expect(labels(`${head}  |`)).toContain('gateways')
  })

  it('know a field that is only begun, and replace what is written of it', () => {
    const text = `${head}      tim|`
    const found = at(text)
    expect(found?.options.find(({ label }) => label === 'timeout')).toMatchObject({
      insert: 'timeout: ',
      detail: 'duration',
      doc: 'Longest time for the whole request. Default: no limit.',
    })
    expect([found?.from, found?.to]).toEqual([text.indexOf('tim'), text.indexOf('|')])
  })

  it('work in the first line of a list item', () => {
    expect(labels('kind: VirtualService\nspec:\n  http:\n    - na|\n')).toContain('name')
  })

  it('are values where a field has words of its own', () => {
    const rule = 'kind: DestinationRule\nspec:\n  trafficPolicy:\n    loadBalancer:\n      simple: R|\n'
    expect(labels(rule)).toContain('ROUND_ROBIN')
    expect(labels('kind: V|\n')).toEqual(['VirtualService'])
    expect(labels('kind: VirtualService\napiVersion: n|\n')).toEqual([
      'networking.istio.io/v1',
      'networking.istio.io/v1beta1',
    ])
  })

  it('are hosts of the mesh where a host is named', () => {
    expect(labels('kind: DestinationRule\nspec:\n  host: r|\n')).toEqual(options.hosts)
  })

  it('begin a document', () => expect(labels('|')).toEqual(['apiVersion', 'kind', 'metadata', 'spec']))

  it('do not come up in comments and free text', () => {
    expect(at(`${head}      # so |`)).toBeUndefined()
    expect(at('kind: VirtualService\nmetadata:\n  name: |')).toBeUndefined()
  })
})

describe('hints', () => {
  it('say what the field under the pointer is for', () => {
    const text = `${head}      timeout: 1s\n`
    expect(hintAt(text, text.indexOf('timeout') + 2, kindSchema)).toEqual({
      from: text.indexOf('timeout'),
      to: text.indexOf('timeout') + 7,
      title: 'spec.http[0].timeout',
      type: 'duration',
      doc: 'Longest time for the whole request. Default: no limit.',
    })
  })

  it('are silent on values', () => expect(hintAt(head, head.indexOf('VirtualService') + 2, kindSchema)).toBeUndefined())
})
