import { describe, expect, it } from 'vitest'
import { checkSpec } from '../../../test/helpers/config-documents.ts'

describe('Telemetry filters', () => {
  const check = (expression: string) =>
    checkSpec(
      'telemetry.istio.io/v1',
      'Telemetry',
      `{accessLogging: [{filter: {expression: ${JSON.stringify(expression)}}}]}`,
    )
  it.each([
    'response.code >= 400',
    'has(response.code) && !(a.b in ["x", \'y\'])',
    'a ? b : -c',
    '.a.b == {"k": 1u}["k"]',
    'request.headers["x-y"].startsWith("(")',
    'xds.cluster_name == "BlackHoleCluster" || xds.node.id != r"\\d"',
  ])('takes %s', (expression) => expect(check(expression)).toEqual([]))
  it.each(['', 'a &&', '(a', 'a)', 'a === b', 'a = b', '"x', 'a & b', 'response.code 400', '400 >='])(
    'refuses %s',
    (expression) => expect(check(expression)).toEqual(['FIELD_VALUE spec.accessLogging[0].filter.expression']),
  )
})
