import { setImmediate as nextTurn } from 'node:timers/promises'
import { create, fromJson, type JsonValue, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, timestampFromMs } from '@bufbuild/protobuf/wkt'
import { ClientResourceStatus } from '../../proto/gen/envoy/admin/v3/config_dump_shared_pb.ts'
import {
  type ClientConfig_GenericXdsConfigSchema,
  ClientConfigSchema,
  type ClientStatusRequest,
  ClientStatusResponseSchema,
  ConfigStatus,
} from '../../proto/gen/envoy/service/status/v3/csds_pb.ts'
import { registry } from '../../proto/registry.ts'
import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import { authorize, type Peer } from '../ads/index.ts'
import type { ClientStatus, HeldResource, StatusBook, SyncState, TypeStatus } from '../status/index.ts'
import { resourceJson } from '../xds/dump.ts'
import { MESSAGE_SCHEMA } from '../xds/envoy-resources.ts'
import type { Resource } from '../xds/resource.ts'
import { compileNodeMatchers } from './node-matcher.ts'

type GenericConfig = MessageInitShape<typeof ClientConfig_GenericXdsConfigSchema>

/** Largest answer; gRPC libraries refuse more than 4 MiB unless told otherwise, tools raise that. */
const RESPONSE_BYTES = 64 * 1024 * 1024

/** Longest time an answer is worked on before other work passes, ms. */
const SLICE_MS = 5

/** An answer that would be too large. The message is for the person who asks. */
export class ResponseTooLarge extends Error {
  override readonly name = 'ResponseTooLarge'
}

/**
 * What each connected client has, as the control plane knows it: acknowledged, on its way, or refused and why. Secrets are
 * redacted. A peer sees the clients whose place it could take over xDS itself (docs/security.md), and no others.
 * @throws MatcherError, ResponseTooLarge
 */
export async function clientStatusResponse(
  book: StatusBook,
  request: ClientStatusRequest,
  peer: Peer,
): Promise<Buffer> {
  const isWanted = compileNodeMatchers(request.nodeMatchers)
  const contents = !request.excludeResourceContents
  const parts: Uint8Array[] = []
  let size = 0
  let sliceBegan = performance.now()
  for (const client of book.clients()) {
    if (client.disconnectedAt !== undefined || !isWanted(client.node)) continue
    if ('refused' in authorize(client.node, peer)) continue
    const configs: GenericConfig[] = []
    for (const status of client.types) {
      for (const config of typeConfigs(book, client, status, contents)) {
        configs.push(config)
        size += 200 + (config.xdsConfig?.value?.length ?? 0)
        if (size > RESPONSE_BYTES)
          throw new ResponseTooLarge(
            `the answer has more than ${RESPONSE_BYTES} bytes: name nodes (node_matchers) or leave contents out ` +
              '(exclude_resource_contents)',
          )
        if (performance.now() - sliceBegan > SLICE_MS) {
          await nextTurn()
          sliceBegan = performance.now()
        }
      }
    }
    const { id, cluster, metadata, locality, userAgent } = client.node
    parts.push(
      toBinary(
        ClientStatusResponseSchema,
        create(ClientStatusResponseSchema, {
          config: [
            create(ClientConfigSchema, {
              node: { id, cluster, metadata: metadata as MetadataObject, locality, userAgentName: userAgent },
              genericXdsConfigs: configs,
            }),
          ],
        }),
      ),
    )
  }
  // Messages of repeated fields only can be put behind each other.
  return Buffer.concat(parts)
}

type MetadataObject = { [key: string]: JsonValue }

const CONFIG_STATUS: Readonly<Record<SyncState, ConfigStatus>> = {
  SYNCED: ConfigStatus.SYNCED,
  STALE: ConfigStatus.STALE,
  NACK: ConfigStatus.ERROR,
  'NOT SENT': ConfigStatus.NOT_SENT,
}

function* typeConfigs(
  book: StatusBook,
  client: ClientStatus,
  { type, nack, acked }: TypeStatus,
  contents: boolean,
): Generator<GenericConfig> {
  const typeUrl = TYPE_URL[type]
  const refused = new Set(nack?.culprits)
  const errorState = nack && { details: nack.message, lastUpdateAttempt: timestampFromMs(Math.round(nack.at)) }
  for (const held of book.resources(client.stream, type) ?? []) {
    const { resource } = held
    const isRefused = refused.delete(resource.name)
    yield {
      typeUrl,
      name: resource.name,
      versionInfo: resource.version,
      ...(contents ? shownContents(resource) : {}),
      ...(acked ? { lastUpdated: timestampFromMs(Math.round(acked.at)) } : {}),
      configStatus: CONFIG_STATUS[isRefused ? 'NACK' : held.acknowledged ? 'SYNCED' : 'STALE'],
      clientStatus: clientStatus(held, isRefused),
      ...(isRefused && errorState ? { errorState } : {}),
    }
  }
  // Refused, and never accepted in another version.
  for (const name of refused)
    yield {
      typeUrl,
      name,
      configStatus: ConfigStatus.ERROR,
      clientStatus: ClientResourceStatus.NACKED,
      ...(errorState ? { errorState } : {}),
    }
}

function clientStatus({ acknowledged }: HeldResource, isRefused: boolean): ClientResourceStatus {
  if (isRefused) return ClientResourceStatus.NACKED
  return acknowledged ? ClientResourceStatus.ACKED : ClientResourceStatus.REQUESTED
}

/** Resources are shared by all proxies of a class, and so is what may be shown of them. */
const shown = new WeakMap<Resource, Any | undefined>()

function shownContents(resource: Resource): { readonly xdsConfig?: Any } {
  if (!shown.has(resource)) shown.set(resource, redactedAny(resource))
  const any = shown.get(resource)
  return any ? { xdsConfig: any } : {}
}

/** The message without what is secret; nothing at all where that is no valid message any more. */
function redactedAny(resource: Resource): Any | undefined {
  const typeUrl = TYPE_URL[resource.type]
  if (resource.type === ('sds' satisfies ResourceType)) return undefined
  try {
    const open = resourceJson(resource)
    const isOpen = JSON.stringify(open) === JSON.stringify(resourceJson(resource, { secrets: true }))
    const schema = MESSAGE_SCHEMA[resource.type]
    const value = isOpen ? resource.bytes : toBinary(schema, fromJson(schema, open, { registry }))
    return create(AnySchema, { typeUrl, value })
  } catch {
    return undefined
  }
}
