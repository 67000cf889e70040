import type * as z from 'zod'
import type { Report } from './schema.ts'
import { type ExportToOptions, exportToProblems } from './syntax/export-to.ts'

/** The parts of an object that stand beside its spec. */
export interface ObjectMeta {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** All that is known of a kind: one schema drives checks, docs and forms. */
export interface KindDefinition<Spec = unknown> {
  readonly kind: string
  /** API group; empty is the core group of Kubernetes. */
  readonly group: string
  /** Versions accepted, the preferred one first; all have the same schema. */
  readonly versions: readonly string[]
  /** One sentence: what the kind is for. */
  readonly doc: string
  readonly schema: z.ZodType<Spec>
  /** What editors are told of the spec instead, where `schema` leaves a part of it to checks of its own. */
  readonly editors?: z.ZodType
  /** Whether documents of this kind change what proxies get. */
  readonly compiled: boolean
  /** Of a kind that is not compiled: what that means for who relies on it, and what to write instead. */
  readonly instead?: string
  /** Whether a document without `spec` is wrong; else a missing spec counts as an empty one. */
  readonly specRequired?: boolean
  /** The fields of the schema stand beside metadata instead of below `spec` (Kubernetes' Secret). */
  readonly flat?: boolean
  /** One object for the whole mesh: it needs no name. */
  readonly single?: boolean
  /**
   * For kinds people write by the thousand in the shortest form: `apiVersion` may be left out, and so may `metadata`; the name is then made
   * of the spec (unchecked data), undefined when nothing there can name it.
   */
  nameOf?(spec: unknown): string | undefined
  /**
   * Rules that need metadata; runs when the spec has the right types. Paths count from the document; `file` is where it
   * was read.
   * A method, so that a registry can hold kinds of all specs: `schema` guarantees that it gets the spec it expects.
   */
  check?(spec: Spec, meta: ObjectMeta, report: Report, file: string): void
}

/** Reports an exportTo list at `spec.exportTo`. */
export function reportExportTo(
  list: readonly string[] | undefined,
  namespace: string,
  report: Report,
  options: ExportToOptions = {},
): void {
  for (const { index, message } of exportToProblems(list ?? [], namespace, options))
    report(['spec', 'exportTo', ...(index < 0 ? [] : [index])], message)
}
