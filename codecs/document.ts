import { type Document, LineCounter, parseAllDocuments } from 'yaml'
import { complaintsOf } from './complaints.ts'
import type { Codec } from './contract.ts'
import { compileProtocol } from './layout/compile.ts'
import { errorAt, type Issue, type IssuePath } from './layout/issue.ts'
import { didYouMean } from './layout/names.ts'
import { type ProtocolSpec, protocolSpec } from './layout/schema.ts'
import { namesProto, resolveNames } from './proto/names.ts'

/** Of Protocol documents. */
export const apiVersion = 'meshgate.io/v1'
/** As of every document; `status` is what others write into it. */
const documentKeys = ['apiVersion', 'kind', 'metadata', 'spec', 'status']

/** An issue with its place in the text; lines and columns count from 1. */
export interface LocatedIssue extends Issue {
  readonly line: number
  readonly column: number
}

export interface CheckedProtocol {
  readonly name: string
  readonly spec?: ProtocolSpec
  /** Absent when there are errors, and for a document that only names a module. */
  readonly codec?: Codec
  readonly issues: readonly LocatedIssue[]
}

/**
 * Reads every Protocol document in a YAML text; documents of other kinds are passed over.
 * @param file where the text lies: `.proto` files are looked for beside it
 */
export function checkProtocols(text: string, file?: string): readonly CheckedProtocol[] {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, maxAliasCount: 100 } as never)
  const list = (Array.isArray(documents) ? documents : []) as Document.Parsed[]
  return list.flatMap((document) => {
    const place = (offset: number) => {
      const { line, col } = lines.linePos(offset)
      return { line: Math.max(1, line), column: Math.max(1, col) }
    }
    if (document.errors.length > 0) {
      const issues = document.errors.map(
        ({ message, pos }): LocatedIssue => ({ severity: 'error', path: [], message, ...place(pos[0]) }),
      )
      return [{ name: '', issues }]
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    if (value === null || (isRecord(value) && value['kind'] !== undefined && value['kind'] !== 'Protocol')) return []
    const { issues, ...rest } = checkDocument(value, file)
    return [{ ...rest, issues: issues.map((issue) => ({ ...issue, ...place(offsetOf(document, issue.path)) })) }]
  })
}

/** Checks one document given as plain data. Paths start at its root. `spec` of the result says numbers for names of `.proto` files. */
export function checkDocument(
  value: unknown,
  file?: string,
): Omit<CheckedProtocol, 'issues'> & { readonly issues: readonly Issue[] } {
  if (!isRecord(value))
    return { name: '', issues: [errorAt([], 'a Protocol document is a map with apiVersion, kind, metadata and spec')] }
  const issues: Issue[] = []
  if (value['kind'] !== 'Protocol') issues.push(errorAt(['kind'], 'kind must be Protocol', 'kind: Protocol'))
  if (value['apiVersion'] !== apiVersion) issues.push(errorAt(['apiVersion'], `apiVersion must be ${apiVersion}`))
  for (const key of Object.keys(value))
    if (!documentKeys.includes(key)) issues.push(unknown([key], didYouMean(key, documentKeys)))
  const metadata = value['metadata']
  const name = isRecord(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : ''
  // Istio reads the protocol of a port from the name up to its first dash, so a protocol's name has none.
  if (!/^[a-z][a-z0-9]*$/.test(name)) {
    issues.push(
      errorAt(
        ['metadata', 'name'],
        `the name ${JSON.stringify(name)} must be a word of small letters and digits`,
        'ports are named <protocol>-<rest>',
      ),
    )
  }
  const { spec: given, issues: strange } = withoutUnknown(value['spec'])
  issues.push(...strange)
  const parsed = protocolSpec.safeParse(given)
  if (!parsed.success)
    return {
      name,
      issues: [...issues, ...parsed.error.issues.flatMap((issue) => complaintsOf(issue, ['spec'], value))],
    }
  const named = namesProto(parsed.data) ? resolveNames(parsed.data, file) : undefined
  const spec = named?.spec ?? parsed.data
  if (named && named.issues.length > 0) return { name, spec, issues: [...issues, ...named.issues] }
  if (spec.module !== undefined && spec.frame === undefined) return { name, spec, issues }
  const result = compileProtocol(name, spec)
  const all = [...issues, ...result.issues]
  return { name, spec, issues: all, ...(result.codec && !issues.some(isError) && { codec: result.codec }) }
}

function isError({ severity }: Issue): boolean {
  return severity === 'error'
}

function unknown(path: IssuePath, hint?: string): Issue {
  return { severity: 'warning', path, message: `unknown field "${path.at(-1)}"`, ...(hint && { hint }) }
}

/** As for every kind, a field nobody knows is told and left out, and the rest is in force. */
function withoutUnknown(spec: unknown): { readonly spec: unknown; readonly issues: readonly Issue[] } {
  if (!isRecord(spec)) return { spec, issues: [] }
  const keys = Object.keys(protocolSpec.shape)
  const strange = Object.keys(spec).filter((key) => !keys.includes(key))
  return {
    spec: Object.fromEntries(Object.entries(spec).filter(([key]) => keys.includes(key))),
    issues: strange.map((key) => unknown(['spec', key], didYouMean(key, keys))),
  }
}

/** Offset of the node at `path`, or of its nearest ancestor that exists. */
function offsetOf(document: Document.Parsed, path: IssuePath): number {
  for (let n = path.length; n >= 0; n--) {
    const node = n === 0 ? document.contents : document.getIn(path.slice(0, n), true)
    const range = (node as { range?: readonly number[] } | null | undefined)?.range
    if (range) return range[0]!
  }
  return 0
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
