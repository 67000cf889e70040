import type * as z from 'zod'
import type { Code } from '../diagnostics/codes.ts'
import type { Diagnostic, Path } from '../diagnostics/diagnostic.ts'
import { complain } from '../diagnostics/report.ts'
import type { SourceDocument } from '../sources/document.ts'
import { type Header, readHeader } from './header.ts'
import { describeIssue } from './issue-text.ts'
import type { KindDefinition } from './kind.ts'
import { normalise } from './normalise.ts'
import type { ConfigObject } from './object.ts'
import { isObject } from './plain-object.ts'
import type { IssueExtra } from './schema.ts'
import { sizeProblem } from './size.ts'

/** Diagnostics shown for one document; the rest is counted. */
const MAX_DIAGNOSTICS = 100

export interface CheckedDocument {
  /** The object, unless the document has an error or is not for us. */
  readonly object?: ConfigObject
  readonly diagnostics: readonly Diagnostic[]
  /** The source has said what is wrong with it. */
  readonly broken?: boolean
}

export interface CheckOptions {
  /** Namespace of documents that name none. */
  readonly defaultNamespace?: string
}

/**
 * Checks one document by all that is known of its kind: types, values and rules of the kind, all errors at once, each with the place of the
 * field. Takes time linear in the size of the document and never throws.
 */
export function checkDocument(document: SourceDocument, options: CheckOptions = {}): CheckedDocument {
  const { value } = document
  if (document.broken) return { diagnostics: [], broken: true }
  const size = sizeProblem(value)
  if (size) return { diagnostics: [complain(document, 'DOCUMENT_TOO_LARGE', size.path, size.message)] }
  if (!isObject(value)) {
    const message = 'a document must be a mapping with apiVersion, kind and metadata'
    return { diagnostics: [complain(document, 'DOCUMENT_INVALID', [], message)] }
  }
  if (isVectors(value)) return { diagnostics: [] }
  const header = readHeader(document, value, options.defaultNamespace ?? 'default')
  if (!header.definition) return { diagnostics: cut(document, header.diagnostics) }
  return checkSpec(document, value, header, header.definition)
}

/** Known bytes for `meshgate protocol test`, which stand beside the document of their protocol: they are no configuration. */
function isVectors(value: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(value['vectors']) && Object.keys(value).every((key) => key === 'protocol' || key === 'vectors')
}

function checkSpec(
  document: SourceDocument,
  value: Readonly<Record<string, unknown>>,
  header: Header,
  definition: KindDefinition,
): CheckedDocument {
  const diagnostics = [...header.diagnostics]
  const add = (code: Code, path: Path, message: string, hint?: string) =>
    diagnostics.push(complain(document, code, path, message, { hint, on: code === 'FIELD_UNKNOWN' ? 'key' : 'value' }))

  const base: Path = definition.flat ? [] : ['spec']
  const body = bodyOf(value, definition)
  if (body === undefined && definition.specRequired)
    add('FIELD_REQUIRED', ['spec'], 'spec is required', value['spec'] === null ? NO_VALUE : undefined)
  const { value: spec, issues, renamed, empty } = normalise(definition.schema, body === undefined ? {} : body, base)
  for (const { code, path, message, hint } of issues) add(code, path, message, hint)
  const written = (path: Path) => writtenPath(path, renamed, definition.flat === true)

  if (body !== undefined || !definition.specRequired) {
    const { problems, typed } = parse(definition.schema, spec)
    for (const { code, path, message, hint } of problems) {
      const noValue = code === 'FIELD_REQUIRED' && empty.has(JSON.stringify(path))
      add(code, written(['spec', ...path]), message, noValue ? NO_VALUE : hint)
    }
    if (typed !== undefined)
      definition.check?.(
        typed,
        header.meta,
        (path, message, extra: IssueExtra = {}) => add(extra.code ?? 'FIELD_VALUE', written(path), message, extra.hint),
        document.file,
      )
  }
  if (!definition.compiled)
    add(
      'KIND_NOT_COMPILED',
      ['kind'],
      `${definition.kind} is checked, but not compiled yet: it does not change what proxies get`,
      definition.instead,
    )
  const broken = diagnostics.some(({ severity }) => severity === 'error')
  if (broken) return { diagnostics: cut(document, diagnostics) }
  const { apiVersion, kind, meta } = header
  const object: ConfigObject = {
    kind,
    apiVersion,
    ...meta,
    spec,
    source: renamed.size > 0 || definition.flat ? relocated(document, written) : document,
    key: `${kind}/${meta.namespace}/${meta.name}`,
  }
  return { object, diagnostics: cut(document, diagnostics) }
}

const NO_VALUE = 'give it a value: a field without one counts as absent'
const HEADER_KEYS = new Set(['apiVersion', 'kind', 'metadata', 'status', 'spec'])

/** The part of the document that the schema is for. */
function bodyOf(value: Readonly<Record<string, unknown>>, definition: KindDefinition): unknown {
  if (!definition.flat) return value['spec'] ?? undefined
  return Object.fromEntries(Object.entries(value).filter(([key]) => !HEADER_KEYS.has(key)))
}

interface Problem {
  readonly code: Code
  readonly path: Path
  readonly message: string
  readonly hint?: string
}

/**
 * Runs the schema. Rules over several fields need right types, so after a type error the broken parts are taken out and the rest is
 * checked again: one misspelt number does not hide the other mistakes. `typed` is the spec when it has the right types.
 */
function parse(schema: z.ZodType, spec: unknown): { readonly problems: readonly Problem[]; readonly typed: unknown } {
  const first = schema.safeParse(spec)
  if (first.success) return { problems: [], typed: spec }
  const problems = first.error.issues.map((issue) => problemOf(issue, spec))
  const wrong = problems.filter(({ code }) => code === 'FIELD_TYPE' || code === 'FIELD_REQUIRED')
  const structural = first.error.issues.filter(
    ({ code }) => !['custom', 'too_small', 'too_big', 'invalid_format'].includes(code),
  )
  if (structural.length === 0) return { problems, typed: spec }
  if (wrong.some(({ path }) => path.length === 0)) return { problems, typed: undefined }
  const rest = structuredClone(spec)
  for (const { path } of structural) remove(rest, path as Path)
  const second = schema.safeParse(rest)
  const known = new Set(problems.map(({ path, message }) => JSON.stringify([path, message])))
  for (const issue of second.success ? [] : second.error.issues) {
    const problem = problemOf(issue, rest)
    const key = JSON.stringify([problem.path, problem.message])
    const followsFromRemoval = structural.some(({ path }) => isWithin(path as Path, problem.path))
    if (!known.has(key) && !followsFromRemoval) problems.push(problem)
  }
  return { problems, typed: undefined }
}

function problemOf(issue: z.core.$ZodIssue, spec: unknown): Problem {
  const inside = issue.code === 'invalid_union' ? insideOf(issue) : undefined
  if (inside) return problemOf({ ...inside, path: [...issue.path, ...inside.path] }, spec)
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  return { path, ...describeIssue(issue, valueAt(spec, path), String(path.at(-1) ?? 'spec')) }
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Object.hasOwn(at, step) ? (at as Record<string | number, unknown>)[step] : undefined
  }
  return at
}

/** Takes the node at the path out; an item of a list stays as a hole would shift its neighbours, so the whole list goes. */
function remove(value: unknown, path: Path): void {
  const steps = [...path]
  while (steps.length > 0 && typeof steps.at(-1) === 'number') steps.pop()
  const parent = valueAt(value, steps.slice(0, -1))
  if (isObject(parent)) delete (parent as Record<string, unknown>)[String(steps.at(-1))]
}

/** Whether `path` is `outer`, below it, or a parent it was taken out of. */
function isWithin(outer: Path, path: Path): boolean {
  const length = Math.min(outer.length, path.length)
  return outer.slice(0, length).every((step, index) => step === path[index])
}

/** The path in the document of a path below `spec`, with the names the user wrote. */
function writtenPath(path: Path, renamed: ReadonlyMap<string, string>, flat: boolean): Path {
  if (path[0] !== 'spec') return path
  const inner = path.slice(1)
  const steps = inner.map((step, index) => renamed.get(JSON.stringify(inner.slice(0, index + 1))) ?? step)
  return flat ? steps : ['spec', ...steps]
}

/** The document as seen by readers of the object: they ask for normalised names. */
function relocated(document: SourceDocument, written: (path: Path) => Path): SourceDocument {
  const { id, file, index, value, revision } = document
  return {
    ...{ id, file, index, value, revision },
    get text() {
      return document.text
    },
    locate: (path, on) => document.locate(written(path), on),
  }
}

function cut(document: SourceDocument, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  if (diagnostics.length <= MAX_DIAGNOSTICS) return diagnostics
  const sorted = [...diagnostics].sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'))
  const more = `${diagnostics.length - MAX_DIAGNOSTICS} more problems in this document`
  return [...sorted.slice(0, MAX_DIAGNOSTICS), complain(document, 'TOO_MANY_PROBLEMS', [], more)]
}

/** Of a value that may be of several forms: what is wrong within the only one whose type it has. */
function insideOf({ errors }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue | undefined {
  const ofAnotherType = ({ code, path }: z.core.$ZodIssue) =>
    path.length === 0 && ['invalid_type', 'invalid_union', 'invalid_value'].includes(code)
  const fitting = errors.filter((issues) => !issues.some(ofAnotherType))
  return fitting.length === 1 ? fitting[0]![0] : undefined
}
