import type { Location, SourceDocument } from '../sources/document.ts'
import { isObject } from './plain-object.ts'

/** A document that claims to be an object, but has errors and never had a valid version: nothing of it is in force. */
export interface RefusedObject {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Hosts it claims to declare, lower case; empty for kinds without. */
  readonly hosts: readonly string[]
  /** `file:line` of the document's name. */
  readonly place: string
  /** Where the document begins. */
  readonly start: Location
}

/** What a document with errors claims to be, so that complaints about references to it can name the cause; undefined when it does not say. */
export function refusedObject(document: SourceDocument, defaultNamespace: string): RefusedObject | undefined {
  const { value } = document
  if (!isObject(value) || !isObject(value['metadata'])) return undefined
  const { name, namespace } = value['metadata']
  if (typeof value['kind'] !== 'string' || typeof name !== 'string') return undefined
  const hosts = isObject(value['spec']) && Array.isArray(value['spec']['hosts']) ? value['spec']['hosts'] : []
  const { file, line } = document.locate(['metadata', 'name'])
  return {
    kind: value['kind'],
    namespace: typeof namespace === 'string' && namespace !== '' ? namespace : defaultNamespace,
    name,
    hosts: hosts.filter((host): host is string => typeof host === 'string').map((host) => host.toLowerCase()),
    place: `${file}:${line}`,
    start: document.locate([]),
  }
}
