import { analyze } from '../config/analysis/analyze.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { compareDiagnostics, type Diagnostic } from '../diagnostics/diagnostic.ts'
import { MemorySource, type SourceSnapshot } from '../sources/index.ts'
import { problemsOfObjects } from './compile-problems.ts'

export interface Diagnostics {
  readonly diagnostics: readonly Diagnostic[]
  readonly summary: { readonly errors: number; readonly warnings: number }
}

/** One reading of a source, checked: the objects that are valid, and every complaint about files, documents and their relations. */
export interface CheckedSnapshot {
  readonly objects: LoadedConfig['objects']
  /** Worst first. */
  readonly diagnostics: readonly Diagnostic[]
}

/** Everything that is wrong with documents as they were read: each by itself, between each other, and what only Envoy would refuse. */
export function checkSnapshot(snapshot: SourceSnapshot): CheckedSnapshot {
  const config = loadConfig(snapshot)
  const { objects, diagnostics } = config
  const all = [...snapshot.diagnostics, ...diagnostics, ...analyze(config), ...problemsOfObjects(objects)]
  return { objects, diagnostics: all.sort(compareDiagnostics) }
}

/** The same for YAML texts by file name. */
export function checkTexts(files: Readonly<Record<string, string>>): CheckedSnapshot {
  return checkSnapshot(MemorySource.of(files).snapshot)
}

/** The complaints with their number. */
export function summarize(diagnostics: readonly Diagnostic[]): Diagnostics {
  const count = (severity: Diagnostic['severity']) => diagnostics.filter((one) => one.severity === severity).length
  return { diagnostics, summary: { errors: count('error'), warnings: count('warning') } }
}
