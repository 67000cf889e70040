import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { checkDocument } from '../../controlplane/config/load.ts'
import { readDocuments } from '../../controlplane/sources/index.ts'
import { envoyResource, gatewaySets } from '../helpers/cases.ts'

const sets = gatewaySets()

describe.skipIf(sets.length === 0)('our check of raw Envoy resources against the word of a real Envoy', () => {
  it.each(sets.map((set) => [set.name, set.expect, set] as const))('%s: %s', (name, verdict, set) => {
    const { documents } = readDocuments(
      `${name}.yaml`,
      Buffer.from(stringify(envoyResource(set), { aliasDuplicateObjects: false })),
    )
    const { object, diagnostics } = checkDocument(documents[0]!)
    if (verdict === 'reject') {
      expect(diagnostics.map(({ code }) => code)).toContain('ENVOY_RULE')
      expect(object).toBeUndefined()
    } else {
      expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
      expect(object).toBeDefined()
    }
  })
})
