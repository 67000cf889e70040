import { describe, expect, it } from 'vitest'
import { checkNetworking } from '../../../test/helpers/config-documents.ts'

describe('WorkloadGroup', () => {
  it('is told of labels that workloads cannot have, but may hold them', () =>
    expect(checkNetworking('WorkloadGroup', '{template: {labels: {app: a/b}}}')).toEqual([
      'FIELD_QUESTIONABLE spec.template.labels.app',
    ]))
})
