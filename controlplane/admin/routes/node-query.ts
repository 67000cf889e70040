import { errorText } from '../../../errors/thrown.ts'
import type { NodeInfo } from '../../xds/resource.ts'
import type { AdminContext } from '../context.ts'
import { badRequest } from '../http/errors.ts'
import { nodeOf } from '../node.ts'

/** Query parameters that name a proxy. */
export interface NodeQuery {
  readonly node: string
  readonly metadata?: string
}

export const nodeQuery = {
  node: {
    type: 'string',
    minLength: 1,
    maxLength: 1024,
    description: 'Node id of the proxy; it need not be connected.',
  },
  metadata: {
    type: 'string',
    description:
      'Node metadata as a JSON object; by default that of the connected proxy with this id, if there is one.',
  },
} as const

/** The node a question is about: the connected one with this id, unless metadata are given. @throws ApiError */
export function queriedNode({ node: id, metadata }: NodeQuery, { status }: AdminContext): NodeInfo {
  if (metadata === undefined) return status.client(id)[0]?.node ?? nodeOf({ id })
  let value: unknown
  try {
    value = JSON.parse(metadata)
  } catch (error) {
    throw badRequest(`metadata is no JSON: ${errorText(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('metadata must be a JSON object')
  return nodeOf({ id, metadata: value as Readonly<Record<string, unknown>> })
}
