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

/** A place in an object that decided something: what NACKs, `explain` and the plan's blast radius point to. */
export interface Origin {
  readonly object: ConfigObject
  readonly path: readonly (string | number)[]
}
