import { expect, test } from 'vitest'
import { expiryReason } from '../../admin-ui/src/parts/expiry-reason.ts'
import { countedReason, endedReason } from '../../controlplane/admin/changes/expiry.ts'

test('pages understand what the control plane says of revisions that end faults', () => {
  const object = 'VirtualService/default/reviews'
  expect(expiryReason(countedReason(object, 0))).toEqual({ state: 'counted', object, at: '1970-01-01T00:00:00Z' })
  expect(expiryReason(endedReason(object))).toEqual({ state: 'ended', object })
  expect(expiryReason('too early')).toBeUndefined()
})
