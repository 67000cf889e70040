import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import type { FrameOptions } from '../subscription/frames.ts'
import type { DiscoveryRequest } from '../subscription/request.ts'
import { writeResponse } from '../subscription/response.ts'
import type { Method } from './method.ts'

const typeByUrl = new Map(Object.entries(TYPE_URL).map(([type, url]) => [url as string, type as ResourceType]))

/** The type a request is about: as it says, or that of the service it came to. Undefined: `wrongType`, or a type nobody serves. */
export function askedType({ type }: Method, { typeUrl }: DiscoveryRequest): ResourceType | undefined {
  if (!type) return typeByUrl.get(typeUrl)
  return typeUrl === '' || TYPE_URL[type] === typeUrl ? type : undefined
}

/** What is wrong with a request that is about no type; undefined when the type is just one that nobody serves. */
export function wrongType({ type }: Method, { typeUrl }: DiscoveryRequest): string | undefined {
  if (type) return `this service serves ${TYPE_URL[type]}, not ${typeUrl}`
  return typeUrl === '' ? 'the request has no type_url; on an aggregated stream every request needs one' : undefined
}

/**
 * To a request for a type nobody serves: what it asks for does not exist. Silence would keep Envoy waiting for its timeout.
 * @returns a sealed frame, or undefined when nothing can be said
 */
export function unservedAnswer(request: DiscoveryRequest, frames: FrameOptions): Buffer | undefined {
  if (request.form === 'sotw' || request.subscribe.length === 0) return undefined
  const removed = request.subscribe.filter((name) => name !== '*')
  const { typeUrl } = request
  const parts = { typeUrl, upserts: [], removed, version: frames.boot, nonce: '-', identifier: frames.identifier }
  const bytes = writeResponse('delta', parts, frames.headroom)
  frames.seal(bytes)
  return bytes
}
