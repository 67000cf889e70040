import { type Edit, edit, type Path, readDocuments } from '../../../admin-ui/src/yaml/index.ts'
import type { ConfigObject } from '../../config/object.ts'
import { isObject } from '../../config/plain-object.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { EXPIRES_AT, EXPIRES_IN, parseTime } from '../../config/syntax/expiry.ts'

const ANNOTATIONS = ['metadata', 'annotations'] as const
/** Fields of a rule that end, in all the spellings documents are read with. */
const ENDING = [
  'fault',
  'mirror',
  'mirrors',
  'mirrorPercent',
  'mirror_percent',
  'mirrorPercentage',
  'mirror_percentage',
]
/** Lists of rules, by kind; a MsgRouter may also be one rule itself. */
const RULES: Readonly<Record<string, readonly Path[]>> = {
  VirtualService: [['spec', 'http']],
  MsgRouter: [['spec'], ['spec', 'routes']],
  MetaRouter: [['spec', 'routes']],
}

/** Why a revision came about; pages in other languages know these sentences. */
export const countedReason = (key: string, at: number): string =>
  `${key}: faults and mirrors end at ${new Date(at).toISOString().slice(0, 19)}Z`
export const endedReason = (key: string): string => `${key}: faults and mirrors ended, as ${EXPIRES_AT} says`

/** When an object's faults and mirrors end, ms since 1970; undefined when they do not, or nobody has counted yet. */
export function expiryOf({ annotations }: Pick<ConfigObject, 'annotations'>): number | undefined {
  const at = annotations[EXPIRES_AT]
  return at === undefined ? undefined : parseTime(at)
}

/** How long an object asks its faults and mirrors to last, ms; undefined when it does not say, or was counted already. */
export function lifetimeOf({ annotations }: Pick<ConfigObject, 'annotations'>): number | undefined {
  const text = annotations[EXPIRES_IN]
  return text === undefined ? undefined : parseDuration(text)
}

/**
 * The text of a file where `expires-in` of an object has become `expires-at`. Undefined when the object is not in the text as it
 * was read. @throws YamlEditError when it cannot be written
 */
export function withDeadline(text: string, object: ConfigObject, at: number): string | undefined {
  const value = `${new Date(Math.ceil(at / 1_000) * 1_000).toISOString().slice(0, 19)}Z`
  const path = [...ANNOTATIONS, EXPIRES_IN]
  return edited(text, object, EXPIRES_IN, () => [
    { op: 'set', path, value },
    { op: 'rename', path, value: EXPIRES_AT },
  ])
}

/** The text without the faults and mirrors of an object, and without its deadline. As `withDeadline` otherwise. */
export function withoutExpired(text: string, object: ConfigObject): string | undefined {
  return edited(text, object, EXPIRES_AT, (document) => {
    const rules = (RULES[object.kind] ?? []).flatMap((path) => {
      const found = at(document, path)
      return Array.isArray(found) ? found.map((_rule, index) => [...path, index]) : [path]
    })
    const ends = rules.flatMap((path) => {
      const rule = at(document, path)
      return ENDING.filter((name) => isObject(rule) && name in rule).map(
        (name): Edit => ({ op: 'delete', path: [...path, name] }),
      )
    })
    const annotations = at(document, ANNOTATIONS)
    const last = isObject(annotations) && Object.keys(annotations).length === 1
    return [...ends, { op: 'delete', path: last ? ANNOTATIONS : [...ANNOTATIONS, EXPIRES_AT] }]
  })
}

function edited(
  text: string,
  object: ConfigObject,
  annotation: string,
  edits: (document: unknown) => readonly Edit[],
): string | undefined {
  // A byte order mark belongs to the file, not to its YAML.
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : ''
  const body = text.slice(mark.length)
  const documents = readDocuments(body).filter(({ value }) => isThe(object, annotation, value))
  // Several, where names are made of the content: the place in the file tells them apart.
  const found = documents.length > 1 ? documents.find(({ document }) => document === object.source.index) : documents[0]
  if (!found) return undefined
  const all = edits(found.value).map((one) => ({ ...one, document: found.document }))
  return mark + edit(body, all, { sharing: 'here' }).text
}

function isThe({ kind, name, namespace, annotations }: ConfigObject, annotation: string, value: unknown): boolean {
  if (at(value, ['kind']) !== kind) return false
  if (at(value, [...ANNOTATIONS, annotation]) !== annotations[annotation]) return false
  const named = at(value, ['metadata', 'name'])
  const inNamespace = at(value, ['metadata', 'namespace'])
  return (named === undefined || named === name) && (!inNamespace || inNamespace === namespace)
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[key] : undefined,
    value,
  )
}
