import { fromBinary } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { RateLimitSchema } from '../../../proto/gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.ts'
import { world } from '../routes/fixture.ts'
import { rateLimitFilters } from './rate-limit.ts'

/** How long the filters wait for the rate limit service, ms. */
function waits(mesh: string): readonly number[] {
  const { scope } = world(`
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: ${mesh}
---
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: all}
spec: {shared: true, limits: [{tokenBucket: {maxTokens: 5, fillInterval: 1s}}]}
`)
  return rateLimitFilters(scope).map(({ config }) => {
    const { timeout } = fromBinary(RateLimitSchema, config.value)
    return Number(timeout!.seconds) * 1000 + timeout!.nanos / 1e6
  })
}

it('wait 20 ms, or as long as the mesh says', () => {
  expect(waits('{}')).toEqual([20, 20])
  expect(waits('{rateLimitTimeout: 1500ms}')).toEqual([1500, 1500])
})
