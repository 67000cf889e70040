import type { RequestLimits } from '../../controlplane/subscription/read-names.ts'
import { type DeltaRequest, readRequest, type SotwRequest } from '../../controlplane/subscription/request.ts'

/** Reads a request in one go, where a stream reads it in turns. @throws WireError, RequestTooLarge */
export function readSotwRequest(message: Buffer, limits: RequestLimits): SotwRequest {
  return readRequest('sotw', message, limits).next(Number.POSITIVE_INFINITY) as SotwRequest
}

/** The same of a delta request. */
export function readDeltaRequest(message: Buffer, limits: RequestLimits): DeltaRequest {
  return readRequest('delta', message, limits).next(Number.POSITIVE_INFINITY) as DeltaRequest
}
