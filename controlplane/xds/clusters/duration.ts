import type { Duration } from '@bufbuild/protobuf/wkt'
import { duration } from '../../../proto/make.ts'
import { parseDuration } from '../../config/syntax/duration.ts'

/** A duration as Istio writes it (`1.5s`) as a message; absent stays absent. */
export function durationOf(text: string | undefined): Duration | undefined {
  const milliseconds = text === undefined ? undefined : parseDuration(text)
  return milliseconds === undefined ? undefined : duration(milliseconds)
}
