import type { ConfigObject } from '../../config/object.ts'
import type { RefusedObject } from '../../config/refused.ts'
import type { Diagnostic } from '../../diagnostics/diagnostic.ts'
import type { Revision } from '../../ledger/index.ts'

/** An object in force as a list of rules shows it. */
export interface RuleEntry {
  /** `<kind>/<namespace>/<name>` */
  readonly key: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** Hosts it is for; for message routes the services they lead to. */
  readonly hosts: readonly string[]
  /** Below the folder of configuration; absent for what does not come from it. */
  readonly file?: string
  readonly path: string
  readonly line: number
  readonly errors: number
  readonly warnings: number
  /** The newest revision that changed its file. */
  readonly changed?: { readonly revision: number; readonly at: string; readonly who: string }
}

export interface RuleList {
  readonly rules: readonly RuleEntry[]
  /** Errors of documents that are not in force, and of files. */
  readonly broken: readonly Diagnostic[]
}

export interface RuleSources {
  readonly objects: ReadonlyMap<string, ConfigObject>
  readonly diagnostics: readonly Diagnostic[]
  /** Documents of which nothing is in force. */
  readonly refused: readonly Pick<RefusedObject, 'start'>[]
  /** Names files below the folder by the path sources give them. */
  readonly files: ReadonlyMap<string, { readonly file: string; readonly revision: number }>
  revision(id: number): Pick<Revision, 'at' | 'who'> | undefined
}

const MOST_HOSTS = 10

/** Every object in force with its complaints; a complaint belongs to the document it stands in. */
export function ruleList({ objects, diagnostics, refused, files, revision }: RuleSources): RuleList {
  const starts = new Map<string, { line: number; column: number; key?: string }[]>()
  const places = [...objects].map(([key, { source }]) => ({ ...source.locate([]), key }))
  for (const place of [...places, ...refused.map(({ start }) => start)]) {
    const list = starts.get(place.file) ?? []
    list.push(place)
    starts.set(place.file, list)
  }
  for (const list of starts.values()) list.sort((a, b) => a.line - b.line || a.column - b.column)
  const counts = new Map<string, { errors: number; warnings: number }>()
  const broken: Diagnostic[] = []
  for (const one of diagnostics) {
    // Items of a List may share a line, as JSON in one line has them.
    const key = starts
      .get(one.file)
      ?.findLast(({ line, column }) => line < one.line || (line === one.line && column <= one.column))?.key
    if (key === undefined) {
      if (one.severity === 'error') broken.push(one)
      continue
    }
    const count = counts.get(key) ?? { errors: 0, warnings: 0 }
    if (one.severity === 'error') count.errors++
    if (one.severity === 'warning') count.warnings++
    counts.set(key, count)
  }
  const revisions = new Map<number, RuleEntry['changed']>()
  const rules = [...objects].map(([key, { kind, namespace, name, spec, source }]): RuleEntry => {
    const file = files.get(source.file)
    if (file && !revisions.has(file.revision)) {
      const found = revision(file.revision)
      const changed = found && { revision: file.revision, at: new Date(found.at).toISOString(), who: found.who }
      revisions.set(file.revision, changed)
    }
    const changed = file && revisions.get(file.revision)
    return {
      ...{ key, kind, namespace, name },
      hosts: hostsOf(spec).slice(0, MOST_HOSTS),
      ...(file ? { file: file.file } : {}),
      path: source.file,
      line: source.locate([]).line,
      ...(counts.get(key) ?? { errors: 0, warnings: 0 }),
      ...(changed ? { changed } : {}),
    }
  })
  return { rules, broken }
}

function hostsOf(spec: unknown): readonly string[] {
  const { hosts, host, svrName, routes } = (spec ?? {}) as Readonly<Record<string, unknown>>
  const named = [host, svrName, ...(Array.isArray(hosts) ? hosts : [])]
  const inner = Array.isArray(routes) ? routes.map((one: { svrName?: unknown } | null) => one?.svrName) : []
  return [...new Set([...named, ...inner].filter((one): one is string => typeof one === 'string'))]
}
