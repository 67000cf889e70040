import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import type { ClassLog } from './class-log.ts'
import { noEndpoints } from './no-endpoints.ts'
import type { Parts } from './parts.ts'
import type { Form } from './request.ts'
import { FULL_SET_TYPES } from './response.ts'
import type { TypeState } from './type-state.ts'

/** The client a response is composed for. */
export interface Recipient {
  readonly log: ClassLog
  readonly id: string
  readonly form: Form
  /** Its clusters, when it asks for any. */
  readonly clusters: TypeState | undefined
}

/** The client as those see it who compose responses for it. */
export function recipientOf({ log, options, types }: Parts): Recipient {
  return { log, id: options.id, form: options.form, clusters: types.cds }
}

/** Whether a response of this type must be complete, because what is not in it is deleted. */
export function isFullSet(form: Form, type: ResourceType): boolean {
  return form === 'sotw' && FULL_SET_TYPES.has(type)
}

/**
 * Endpoints of clusters that are gone but stay in the full set for now. A client that asks for them only now would wait
 * for them, and with them all its clusters: it gets none of them, at once. (A delta client is told that they are removed.)
 */
export function leavingEndpoints(to: Recipient, type: ResourceType, state: TypeState): readonly Resource[] {
  const clusters = to.clusters
  if (type !== 'eds' || to.form === 'delta' || !clusters || clusters.removed === to.log.of('cds').position) {
    return []
  }
  const leaving: Resource[] = []
  for (const name of to.log.of('cds').pending(clusters.removed, clusters.interest).removals) {
    for (const child of to.log.of('cds').last(name)?.children ?? []) {
      const asked =
        child.type === type && (state.owedAll ? state.interest.names.has(child.name) : state.owed?.has(child.name))
      if (asked && !to.log.of(type).visible(child.name, state.interest)) leaving.push(noEndpoints(child.name))
    }
  }
  return leaving
}

/** Those of the names that the client gets at present. What is not known yet is left out. */
export function visible(
  to: Recipient,
  type: ResourceType,
  state: TypeState,
  names: Iterable<string>,
): readonly Resource[] {
  const log = to.log.of(type)
  const resources: Resource[] = []
  for (const name of names) {
    const resource = log.visible(name, state.interest) ? log.get(name)! : undefined
    if (resource && !resource.pending) resources.push(resource)
  }
  return resources
}

/** Without what this client refused. */
export function permitted(to: Recipient, resources: readonly Resource[]): readonly Resource[] {
  const { verdicts } = to.log
  const permitted: Resource[] = []
  let same = true
  for (const resource of resources) {
    const instead = verdicts.forClient(to.id, resource)
    if (instead !== resource) same = false
    if (instead) permitted.push(instead)
  }
  return same ? resources : permitted
}

/** Batches with the same names at the same position are the same bytes, whatever the streams came from. */
export function batchKey(
  upserts: readonly Resource[],
  removed: readonly string[],
  interest: string,
  from: string,
): string {
  if (from !== '' && upserts.length + removed.length > 64) return `push ${from} ${interest}`
  const names = upserts.map((resource) => resource.name)
  return `names ${upserts.length} ${removed.length}\0${names.join('\0')}\0${removed.join('\0')}`
}
