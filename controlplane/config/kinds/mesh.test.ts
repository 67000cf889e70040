import { describe, expect, it } from 'vitest'
import { checkSpec } from '../../../test/helpers/config-documents.ts'

describe('Mesh', () => {
  const check = (spec: string) => checkSpec('meshgate.io/v1', 'Mesh', spec)
  it('takes what up needs', () =>
    expect(
      check(
        '{httpPort: 0, outboundTrafficPolicy: {mode: ALLOW_ANY}, proxies: [{node: a, metadata: {LABELS: {app: a}}}], processes: [{name: a, command: [node, a.mjs], readyPort: 80}]}',
      ),
    ).toEqual([]))
  it.each([
    ['{httpPort: 70000}', 'FIELD_VALUE spec.httpPort'],
    ['{rootNamespace: a.b}', 'FIELD_VALUE spec.rootNamespace'],
    ['{defaultServiceExportTo: ["*", a]}', 'FIELD_VALUE spec.defaultServiceExportTo'],
    ['{proxies: [{node: a}, {node: a}]}', 'FIELD_VALUE spec.proxies[1].node'],
    ['{processes: [{name: a, command: []}]}', 'FIELD_VALUE spec.processes[0].command'],
    ['{defaultHttpRetryPolicy: {attempts: 0, retryOn: 5xx}}', 'FIELD_VALUE spec.defaultHttpRetryPolicy.attempts'],
  ])('%s', (spec, problem) => expect(check(spec)).toEqual([problem]))
})
