import type { SourceDocument } from '../sources/document.ts'

/** A checked document of a known kind. Immutable; a change makes a new object, so identity means equality. */
export interface ConfigObject<Spec = unknown> {
  readonly kind: string
  readonly apiVersion: string
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: Spec
  readonly source: SourceDocument
  /** `<kind>/<namespace>/<name>` */
  readonly key: string
}

/** Who an object is and where it was read, but nothing of what it says. */
export type Named = Pick<ConfigObject, 'kind' | 'apiVersion' | 'name' | 'namespace' | 'source' | 'key'>

/**
 * A place in an object that decided something: what NACKs, `explain` and the plan's blast radius point to. Its object may be a newer
 * reading than the one that decided: what it says is for no computation.
 */
export interface Origin {
  readonly object: Named
  readonly path: readonly (string | number)[]
}
