import type { Path } from '../diagnostics/diagnostic.ts'

/** A document that holds others. */
export interface List {
  readonly apiVersion?: unknown
  readonly kind: string
  /** Null, as programs in Go write a list of nothing. */
  readonly items: readonly unknown[] | null
}

/** An object in a List. */
export interface ListItem {
  readonly value: unknown
  /** Where it stands in the document: `['items', 3]`. */
  readonly path: Path
  /** What the List says of it: version and kind, where the item says neither. */
  readonly head: { readonly apiVersion: unknown; readonly kind: string } | undefined
}

/**
 * Whether a document holds objects: `kubectl get … -o yaml` prints a `kind: List` around what it found, and the API of
 * Kubernetes answers with a `VirtualServiceList` or the like
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#collections).
 */
export function isList(value: unknown): value is List {
  if (typeof value !== 'object' || value === null || !('items' in value) || 'spec' in value) return false
  const { kind, items } = value as Record<string, unknown>
  return typeof kind === 'string' && kind.endsWith('List') && (items === null || Array.isArray(items))
}

/**
 * The objects in a List, those of Lists in it at their place. An item of a `VirtualServiceList` that says neither version nor kind
 * has those of the List, as for kubectl.
 */
export function itemsOf(list: List, at: Path = []): readonly ListItem[] {
  const kind = list.kind.slice(0, -'List'.length)
  return (list.items ?? []).flatMap((value, index): readonly ListItem[] => {
    const path = [...at, 'items', index]
    if (isList(value)) return itemsOf(value, path)
    if (kind === '' || !isHeadless(value)) return [{ value, path, head: undefined }]
    const head = { apiVersion: list.apiVersion, kind }
    return [{ value: { ...head, ...value }, path, head }]
  })
}

function isHeadless(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !('apiVersion' in value || 'kind' in value)
  )
}
