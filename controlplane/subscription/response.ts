import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import type { Form } from './request.ts'
import { fieldSize, WireWriter } from './wire.ts'

/** What goes into one response. */
export interface ResponseParts {
  readonly typeUrl: string
  readonly upserts: readonly Resource[]
  /** Names the client must forget; only the delta form can say it. */
  readonly removed: readonly string[]
  readonly version: string
  readonly nonce: string
  /** Shown by Envoy as `control_plane.identifier`; empty: left out. */
  readonly identifier: string
}

/**
 * A response in either form, with `headroom` free bytes in front for the transport's own frame head.
 *
 * ```
 * DiscoveryResponse:      version_info = 1, repeated resources = 2 (Any), type_url = 4, nonce = 5, control_plane = 6
 * DeltaDiscoveryResponse: system_version_info = 1, repeated resources = 2 (Resource), type_url = 4, nonce = 5,
 *                         repeated removed_resources = 6, control_plane = 7
 * Resource:               version = 1, resource = 2 (Any), name = 3, repeated aliases = 4
 * Any:                    type_url = 1, value = 2
 * ControlPlane:           identifier = 1
 * ```
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/discovery/v3/discovery.proto
 */
export function writeResponse(form: Form, parts: ResponseParts, headroom: number): Buffer {
  const { upserts, removed, identifier } = parts
  const delta = form === 'delta'
  const typeUrl = Buffer.from(parts.typeUrl)
  const version = Buffer.from(parts.version)
  const nonce = Buffer.from(parts.nonce)
  const plane = Buffer.from(identifier)
  const any = upserts.map((resource) =>
    resource.bodiless ? 0 : fieldSize(typeUrl.length) + fieldSize(resource.bytes.length),
  )
  const versions = delta ? upserts.map((resource) => Buffer.byteLength(resource.version)) : []
  const names = delta ? upserts.map((resource) => Buffer.byteLength(resource.name)) : []
  const removedNames = delta ? removed.map((name) => Buffer.byteLength(name)) : []
  // Without a message Envoy takes a resource only for the aliases it says: its own name.
  const resourceSize = (index: number) => {
    if (!delta) return any[index]!
    const name = fieldSize(names[index]!)
    return fieldSize(versions[index]!) + name + (upserts[index]!.bodiless ? name : fieldSize(any[index]!))
  }

  let size = fieldSize(version.length) + fieldSize(typeUrl.length) + fieldSize(nonce.length)
  for (let index = 0; index < upserts.length; index++) size += fieldSize(resourceSize(index))
  for (const length of removedNames) size += fieldSize(length)
  if (plane.length > 0) size += fieldSize(fieldSize(plane.length))

  const writer = new WireWriter(size, headroom)
  writer.bytes(1, version)
  upserts.forEach((resource, index) => {
    writer.head(2, resourceSize(index))
    if (delta) {
      writer.string(1, resource.version, versions[index]!)
      if (!resource.bodiless) writer.head(2, any[index]!)
    }
    if (!resource.bodiless) {
      writer.bytes(1, typeUrl)
      writer.bytes(2, resource.bytes)
    }
    if (delta) writer.string(3, resource.name, names[index]!)
    if (delta && resource.bodiless) writer.string(4, resource.name, names[index]!)
  })
  writer.bytes(4, typeUrl)
  writer.bytes(5, nonce)
  removedNames.forEach((length, index) => {
    writer.string(6, removed[index]!, length)
  })
  if (plane.length > 0) {
    writer.head(delta ? 7 : 6, fieldSize(plane.length))
    writer.bytes(1, plane)
  }
  return writer.finish()
}

/** Bytes a resource takes in a response, near enough to cut a batch by. */
export function responseCost(resource: Resource): number {
  return resource.bytes.length + resource.name.length + TYPE_URL[resource.type].length + 40
}

/** Responses of these types in state-of-the-world form always hold the full set: what is not in them is deleted. */
export const FULL_SET_TYPES: ReadonlySet<ResourceType> = new Set(['cds', 'lds', 'pds', 'mrds', 'mlds'])
