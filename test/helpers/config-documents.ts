import { analyze } from '../../controlplane/config/analysis/analyze.ts'
import { checkDocument, type LoadedConfig, loadConfig } from '../../controlplane/config/load.ts'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { readDocuments, type SourceDocument, type SourceSnapshot } from '../../controlplane/sources/index.ts'

/** The documents of a YAML text, for tests. */
export function documentsOf(yaml: string, file = 'test.yaml'): readonly SourceDocument[] {
  return readDocuments(file, Buffer.from(yaml)).documents
}

/** A snapshot of files, for tests. */
export function snapshotOf(files: Readonly<Record<string, string>>): SourceSnapshot {
  return { documents: Object.entries(files).flatMap(([file, yaml]) => documentsOf(yaml, file)), diagnostics: [] }
}

/** What checking says of the first document of a text. */
export function checkYaml(yaml: string): readonly Diagnostic[] {
  return checkDocument(documentsOf(yaml)[0]!).diagnostics
}

/** `CODE path` of every diagnostic but those that say that a kind is not compiled. */
export function brief(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics
    .filter(({ code }) => code !== 'KIND_NOT_COMPILED')
    .map(({ code, path }) => (path ? `${code} ${path}` : code))
}

/** A document of a kind around a spec in flow or block YAML (indented by two). */
export function kindYaml(apiVersion: string, kind: string, spec: string, name = 'test'): string {
  const body = spec.startsWith('\n') ? spec.replace(/\n/g, '\n  ') : ` ${spec}`
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}\nspec:${body}\n`
}

/** What checking says of a spec. */
export function checkSpec(apiVersion: string, kind: string, spec: string): readonly string[] {
  return brief(checkYaml(kindYaml(apiVersion, kind, spec)))
}

/** Networking kinds all have the same group. */
export function checkNetworking(kind: string, spec: string): readonly string[] {
  return checkSpec('networking.istio.io/v1', kind, spec)
}

export function load(files: Readonly<Record<string, string>>, previous?: LoadedConfig): LoadedConfig {
  return loadConfig(snapshotOf(files), previous)
}

/** What analysis says of the documents of a text, which must be valid by themselves. */
export function analyzeYaml(yaml: string): readonly Diagnostic[] {
  const config = load({ 'test.yaml': yaml })
  const errors = config.diagnostics.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(JSON.stringify(errors, null, 1))
  return analyze(config)
}
