import { type Document, LineCounter, parseAllDocuments } from 'yaml'
import type { z } from 'zod'
import type { Codec } from './contract.ts'
import { compileProtocol } from './layout/compile.ts'
import type { Issue, IssuePath } from './layout/issue.ts'
import { didYouMean } from './layout/names.ts'
import { type ProtocolSpec, protocolSpec } from './layout/schema.ts'
import { namesProto, resolveNames } from './proto/names.ts'

export const apiVersion = 'meshgate.io/v1'

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
    return { name: '', issues: [error([], 'a Protocol document is a map with apiVersion, kind, metadata and spec')] }
  const issues: Issue[] = []
  if (value['kind'] !== 'Protocol') issues.push(error(['kind'], 'kind must be Protocol', 'kind: Protocol'))
  if (value['apiVersion'] !== apiVersion) issues.push(error(['apiVersion'], `apiVersion must be ${apiVersion}`))
  const metadata = value['metadata']
  const name = isRecord(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : ''
  // Istio reads the protocol of a port from the name up to its first dash, so a protocol's name has none.
  if (!/^[a-z][a-z0-9]*$/.test(name)) {
    issues.push(
      error(
        ['metadata', 'name'],
        `the name ${JSON.stringify(name)} must be a word of small letters and digits`,
        'ports are named <protocol>-<rest>',
      ),
    )
  }
  const parsed = protocolSpec.safeParse(value['spec'])
  if (!parsed.success)
    return { name, issues: [...issues, ...parsed.error.issues.flatMap((issue) => fromZod(issue, ['spec'], value))] }
  const named = namesProto(parsed.data) ? resolveNames(parsed.data, file) : undefined
  const spec = named?.spec ?? parsed.data
  if (named && named.issues.length > 0) return { name, spec, issues: [...issues, ...named.issues] }
  if (spec.module !== undefined && spec.frame === undefined) return { name, spec, issues }
  const result = compileProtocol(name, spec)
  const all = [...issues, ...result.issues]
  return { name, spec, issues: all, ...(result.codec && issues.length === 0 && { codec: result.codec }) }
}

/** Issues of the schema in our words: what is wrong, where, and what was probably meant. */
function fromZod(issue: z.core.$ZodIssue, root: IssuePath, document: unknown): Issue[] {
  const path = [...root, ...(issue.path as (string | number)[])]
  if (valueAt(document, path) === undefined) return [error(path, 'this is missing')]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => error([...path, key], `there is no "${key}" here`, didYouMean(key, knownKeys(path))))
  }
  if (issue.code === 'invalid_union') {
    // The branch that came furthest, or complained least, says most about what the person meant.
    const depth = (branch: readonly z.core.$ZodIssue[]) => Math.max(...branch.map((inner) => inner.path.length))
    const unknown = (branch: readonly z.core.$ZodIssue[]) =>
      branch.some(({ code }) => code === 'unrecognized_keys') ? 1 : 0
    const [best] = [...issue.errors].sort((a, b) => depth(b) - depth(a) || unknown(b) - unknown(a))
    if (best && (depth(best) > 0 || unknown(best) > 0)) return best.flatMap((inner) => fromZod(inner, path, document))
    const wanted = issue.errors.flatMap((branch) => branch.map(({ message }) => plain(message)))
    return [error(path, [...new Set(wanted)].join(', or '))]
  }
  return [error(path, plain(issue.message))]
}

const plain = (message: string) => message.replace(/^Invalid input: /, '')

function valueAt(document: unknown, path: IssuePath): unknown {
  let value = document
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step]
  return value
}

/** Keys of the schema's object at a path, as far as it can be followed. */
function knownKeys(path: IssuePath): readonly string[] {
  const keys = (schema: unknown, rest: IssuePath): readonly string[] => {
    const def = (schema as { def?: Record<string, unknown> } | undefined)?.def
    if (!def) return []
    if (def['type'] === 'optional' || def['type'] === 'nullable') return keys(def['innerType'], rest)
    if (def['type'] === 'union') return (def['options'] as unknown[]).flatMap((option) => keys(option, rest))
    if (def['type'] === 'lazy') return []
    const [step, ...further] = rest
    if (def['type'] === 'object') {
      const shape = def['shape'] as Record<string, unknown>
      return step === undefined ? Object.keys(shape) : keys(shape[step], further)
    }
    if (def['type'] === 'array') return typeof step === 'number' ? keys(def['element'], further) : []
    if (def['type'] === 'record') return step === undefined ? [] : keys(def['valueType'], further)
    return []
  }
  return [...new Set(keys(protocolSpec, path.slice(1)))]
}

function error(path: IssuePath, message: string, hint?: string): Issue {
  return { severity: 'error', path, message, ...(hint && { hint }) }
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
