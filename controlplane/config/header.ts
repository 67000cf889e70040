import type { Code } from '../diagnostics/codes.ts'
import type { Diagnostic, Path } from '../diagnostics/diagnostic.ts'
import { complain } from '../diagnostics/report.ts'
import type { SourceDocument } from '../sources/document.ts'
import type { KindDefinition, ObjectMeta } from './kind.ts'
import { findKind, isKnownGroup, isKubernetesGroup, KINDS, kindsNamed } from './kinds.ts'
import { isObject } from './plain-object.ts'
import { similar } from './similar.ts'
import { EXPIRES_AT, EXPIRES_IN, EXPIRING_KINDS, expiryProblems } from './syntax/expiry.ts'
import { isDnsLabel, shown } from './syntax/host.ts'
import { labelProblems } from './syntax/label.ts'

/** What stands above the spec. Without a definition there is nothing more to check. */
export interface Header {
  readonly apiVersion: string
  readonly kind: string
  readonly meta: ObjectMeta
  readonly definition: KindDefinition | undefined
  readonly diagnostics: readonly Diagnostic[]
}

type Add = (code: Code, path: Path, message: string, hint?: string) => void

const METADATA = new Set(
  (
    'name namespace labels annotations creationTimestamp generateName generation resourceVersion uid managedFields ' +
    'ownerReferences finalizers selfLink deletionTimestamp deletionGracePeriodSeconds'
  ).split(' '),
)
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** Annotations that only Istio itself may set; a document that has them is refused there too. */
const RESERVED = new Set([
  'internal.istio.io/parents',
  'internal.istio.io/parent-namespace',
  'internal.istio.io/webhook-always-reject',
])
/** Groups that Istio had until 1.6 and 1.8, and what took their place. */
const REMOVED: ReadonlyMap<string, string> = new Map([
  [
    'authentication.istio.io',
    'Istio removed it: use PeerAuthentication and RequestAuthentication of security.istio.io/v1',
  ],
  ['rbac.istio.io', 'Istio removed it: use AuthorizationPolicy of security.istio.io/v1'],
  ['config.istio.io', 'Istio removed it with Mixer: use AuthorizationPolicy, Telemetry or a RateLimit'],
])
const DRY_RUN = 'istio.io/dry-run'

/** What every document has before its spec: kind, version, metadata. What is wrong with it comes as diagnostics; without a known kind there is no `definition`. */
export function readHeader(
  document: SourceDocument,
  value: Readonly<Record<string, unknown>>,
  defaultNamespace: string,
): Header {
  const diagnostics: Diagnostic[] = []
  const add: Add = (code, path, message, hint) =>
    diagnostics.push(complain(document, code, path, message, { hint, on: code === 'FIELD_UNKNOWN' ? 'key' : 'value' }))
  const empty = { name: '', namespace: defaultNamespace, labels: {}, annotations: {} }
  if (isForAnother(value)) {
    const kustomization = /(?:^|\/)kustomization\.ya?ml$/.test(document.file)
    if (kustomization) add('KIND_IGNORED', [], 'a kustomization is ignored: it is for kustomize', KUSTOMIZE)
    else
      add(
        'DOCUMENT_INVALID',
        [],
        'there is neither apiVersion nor kind: this is no document of a mesh',
        'keep files of other programs (values of charts, pipelines) in another folder',
      )
    return { apiVersion: '', kind: '', meta: empty, definition: undefined, diagnostics }
  }
  const kind = textField(value, 'kind', add)
  const apiVersion = impliedVersion(value) ?? textField(value, 'apiVersion', add)
  if (apiVersion === undefined || kind === undefined)
    return { apiVersion: '', kind: '', meta: empty, definition: undefined, diagnostics }
  const definition = resolveKind(document, apiVersion, kind, add)
  if (!definition) return { apiVersion, kind, meta: empty, definition, diagnostics }
  const known = ['apiVersion', 'kind', 'metadata', 'spec', 'status']
  for (const key of definition.flat ? [] : Object.keys(value)) {
    if (!known.includes(key)) add('FIELD_UNKNOWN', [key], `unknown field "${key.slice(0, 80)}"`, similar(key, known))
  }
  if (definition.flat && 'spec' in value) add('FIELD_UNKNOWN', ['spec'], `a ${kind} has no spec`)
  return {
    apiVersion,
    kind,
    meta: readMetadata(withName(value, definition), definition, defaultNamespace, add),
    definition,
    diagnostics,
  }
}

/** Whether nothing in it looks like the head of a document, not even misspelt: files of other programs are YAML, too. */
function isForAnother(value: Readonly<Record<string, unknown>>): boolean {
  return !Object.keys(value).some((key) => similar(key, ['apiVersion', 'kind']))
}

function textField(value: Readonly<Record<string, unknown>>, key: string, add: Add): string | undefined {
  const text = value[key]
  if (typeof text === 'string' && text !== '') return text
  const near = text === undefined ? Object.keys(value).find((other) => similar(other, [key])) : undefined
  add(
    'DOCUMENT_INVALID',
    text === undefined ? [] : [key],
    `${key} is required and must be a text`,
    near && `did you mean "${key}" instead of "${near}"?`,
  )
  return undefined
}

/** The version of a kind that may be written without one; undefined when it is written, or must be. */
function impliedVersion({ apiVersion, kind }: Readonly<Record<string, unknown>>): string | undefined {
  if ((apiVersion !== undefined && apiVersion !== null) || typeof kind !== 'string') return undefined
  const [definition, ...others] = kindsNamed(kind)
  return definition?.nameOf && others.length === 0 ? `${definition.group}/${definition.versions[0]}` : undefined
}

/** Metadata with the name a kind makes of its spec where none is written. */
function withName({ metadata, spec }: Readonly<Record<string, unknown>>, { nameOf }: KindDefinition): unknown {
  const head = metadata ?? {}
  if (!nameOf || !isObject(head) || (head['name'] ?? undefined) !== undefined) return metadata
  const name = nameOf(spec)
  return name === undefined ? metadata : { ...head, name }
}

/** Splits `group/version`; the core group has no name. */
function groupOf(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/')
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
}

function versionsOf({ group, versions }: KindDefinition): string {
  return versions.map((version) => (group ? `${group}/${version}` : version)).join(', ')
}

function resolveKind(document: SourceDocument, apiVersion: string, kind: string, add: Add): KindDefinition | undefined {
  const { group, version } = groupOf(apiVersion)
  const definition = findKind(group, kind)
  if (definition) {
    if (definition.versions.includes(version)) return definition
    add('KIND_VERSION', ['apiVersion'], `${kind} has no version ${shown(apiVersion)}`, `use ${versionsOf(definition)}`)
    return undefined
  }
  const others = kindsNamed(kind)
  if (kind === 'List' || (kind.endsWith('List') && kindsNamed(kind.slice(0, -4)).length > 0)) {
    const written = document.value as Readonly<Record<string, unknown>>
    const message =
      'spec' in written ? `a ${kind} has items, not a spec` : `the items of a ${kind} must be a list of objects`
    add('KIND_LIST', 'items' in written ? ['items'] : ['kind'], message)
  } else if (group === '' && others.length > 0) {
    add(
      'KIND_VERSION',
      ['apiVersion'],
      `${kind} is not in ${shown(apiVersion)}`,
      `use ${others.map(versionsOf).join(', ')}`,
    )
  } else if (isKubernetesGroup(group)) {
    add('KIND_IGNORED', ['kind'], `${kind} is ignored: it is for Kubernetes`, ignoredHint(kind))
  } else if (others.length > 0) {
    add(
      'KIND_VERSION',
      ['apiVersion'],
      `${kind} is not in the group ${shown(group)}`,
      `use ${others.map(versionsOf).join(', ')}`,
    )
  } else {
    const names = KINDS.filter((one) => !isKnownGroup(group) || one.group === group).map((one) => one.kind)
    const hint =
      similar(kind, names) ??
      similar(
        kind,
        KINDS.map((one) => one.kind),
      )
    if (hint || isKnownGroup(group) || group.endsWith('.istio.io'))
      add('KIND_UNKNOWN', ['kind'], `unknown kind ${shown(kind)} in ${shown(apiVersion)}`, REMOVED.get(group) ?? hint)
    else add('KIND_IGNORED', ['kind'], `${kind} is ignored: nothing of the group ${shown(group)} is read here`)
  }
  return undefined
}

const KUSTOMIZE = 'its patches are not made here: write what `kustomize build` prints'

function ignoredHint(kind: string): string | undefined {
  if (kind === 'Kustomization') return KUSTOMIZE
  if (kind === 'Service') return 'declare the service with a ServiceEntry'
  if (['Endpoints', 'EndpointSlice', 'Pod', 'Deployment', 'StatefulSet', 'DaemonSet'].includes(kind))
    return 'declare endpoints with a WorkloadEntry or in a ServiceEntry'
  return undefined
}

function readMetadata(value: unknown, definition: KindDefinition, defaultNamespace: string, add: Add): ObjectMeta {
  const fallback = {
    name: definition.single ? 'default' : '',
    namespace: defaultNamespace,
    labels: {},
    annotations: {},
  }
  if ((value === undefined || value === null) && definition.single) return fallback
  if (!isObject(value)) {
    add('METADATA_INVALID', value === undefined ? [] : ['metadata'], 'metadata with a name is required')
    return fallback
  }
  for (const key of Object.keys(value))
    if (!METADATA.has(key))
      add('FIELD_UNKNOWN', ['metadata', key], `unknown field "${key.slice(0, 80)}"`, similar(key, [...METADATA]))
  const name = nameField(value['name'], definition, add)
  const namespace = namespaceField(value['namespace'], add) ?? defaultNamespace
  const labels = stringMap(value['labels'], 'labels', add)
  for (const { key, message } of labelProblems(labels)) add('METADATA_INVALID', ['metadata', 'labels', key], message)
  const annotations = stringMap(value['annotations'], 'annotations', add)
  for (const key of Object.keys(annotations)) {
    const path = ['metadata', 'annotations', key]
    if (RESERVED.has(key)) add('METADATA_INVALID', path, `annotation ${key} may not be set by users`)
    if (key === DRY_RUN && definition.kind !== 'AuthorizationPolicy')
      add('METADATA_INVALID', path, `annotation ${key} is for AuthorizationPolicy only`)
    if ((key === EXPIRES_AT || key === EXPIRES_IN) && !EXPIRING_KINDS.has(definition.kind))
      add(
        'METADATA_UNUSUAL',
        path,
        `${key} ends faults and mirrors; a ${definition.kind} has none, so it has no effect`,
      )
  }
  for (const { key, message } of expiryProblems(annotations))
    add('METADATA_INVALID', ['metadata', 'annotations', key], message)
  return { name, namespace, labels, annotations }
}

function nameField(name: unknown, definition: KindDefinition, add: Add): string {
  if ((name === undefined || name === null) && definition.single) return 'default'
  if (typeof name !== 'string' || name === '') {
    const hint = typeof name === 'number' || typeof name === 'boolean' ? `write it in quotes: "${name}"` : undefined
    add('METADATA_INVALID', ['metadata', 'name'], 'name is required and must be a text', hint)
    return ''
  }
  if (name.length > 253 || !NAME.test(name))
    add(
      'METADATA_UNUSUAL',
      ['metadata', 'name'],
      `${shown(name)} is no name that Kubernetes accepts: use lower-case letters, digits, "-" and "."`,
    )
  return name
}

function namespaceField(namespace: unknown, add: Add): string | undefined {
  if (namespace === undefined || namespace === null || namespace === '') return undefined
  if (typeof namespace !== 'string') {
    add('METADATA_INVALID', ['metadata', 'namespace'], 'namespace must be a text')
    return undefined
  }
  const problem = `${shown(namespace)} is no namespace that Kubernetes accepts: use lower-case letters, digits and "-"`
  if (!isDnsLabel(namespace)) add('METADATA_INVALID', ['metadata', 'namespace'], problem)
  else if (namespace !== namespace.toLowerCase()) add('METADATA_UNUSUAL', ['metadata', 'namespace'], problem)
  return namespace
}

function stringMap(value: unknown, field: string, add: Add): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) {
    add('METADATA_INVALID', ['metadata', field], `${field} must be an object`)
    return {}
  }
  const entries: [string, string][] = []
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'string') entries.push([key, item])
    // A key without a value is an empty text for the API server of Kubernetes.
    else if (item === null) entries.push([key, ''])
    else
      add(
        'METADATA_INVALID',
        ['metadata', field, key],
        'the value must be a text',
        typeof item === 'number' || typeof item === 'boolean' ? `write it in quotes: "${item}"` : undefined,
      )
  }
  return Object.fromEntries(entries)
}
