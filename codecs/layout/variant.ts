import { type ReplyKind, replyKinds } from '../contract.ts'
import { allOf, type Condition, conditionsOf } from './condition.ts'
import { parseSize } from './expression.ts'
import { edgeBefore, frameChecksum, trailerBytes, trailerTest } from './frame-checksum.ts'
import { inspector, tailsOf } from './inspect.ts'
import type { IssuePath, Issues } from './issue.ts'
import { kindPlan } from './kind.ts'
import { type LengthPlan, lengthDeclaration, lengthPlan } from './length.ts'
import type { Node, Position, Test } from './node.ts'
import { BAD, NEED } from './numbers.ts'
import { checkOverlaps } from './overlap.ts'
import { paddingNodes } from './padding.ts'
import { keepIndex } from './protobuf.ts'
import type { CheckSpec, FieldSpec, MessageSpec, ProtocolSpec, ReplySpec, VariantSpec, WhenSpec } from './schema.ts'
import type { Declaration, Scope } from './scope.ts'
import { simpleInspect } from './simple.ts'
import { bitsOf, countOf } from './types.ts'
import { untilBytes, untilPlan } from './until.ts'
import type { VariantPlan } from './variant-plan.ts'
import { VariantScope } from './variant-scope.ts'

/** No document may ask for more; a frame is held in memory until it is whole. */
const maxFrameLimit = 2 ** 30
const defaultMaxFrame = 2 ** 20

/** Compiles one variant laid over the base; `index` -1 is a protocol without variants. */
export function compileVariant(
  spec: ProtocolSpec,
  variant: VariantSpec | undefined,
  index: number,
  issues: Issues,
): VariantPlan | undefined {
  const own: IssuePath = variant ? ['spec', 'variants', index] : ['spec']
  const pathOf = (room: 'frame' | 'message', key: string): IssuePath =>
    variant?.[room] && key in variant[room] ? [...own, room, key] : ['spec', room, key]
  const { length: baseLength, until: baseUntil, ...base } = spec.frame ?? {}
  // A variant says one of both in place of the other.
  const said = variant?.frame
  const ends = said?.length === undefined && said?.until === undefined ? { length: baseLength, until: baseUntil } : {}
  const frame = { ...base, ...ends, ...said }
  const message: MessageSpec = { ...spec.message, ...variant?.message }
  const reply: ReplySpec = { ...spec.reply, ...variant?.reply }
  const checks = frame.check === undefined ? [] : Array.isArray(frame.check) ? frame.check : [frame.check]
  const scope = new VariantScope(
    declare(spec, variant, own, message, frame.length, checks, reply, pathOf, issues),
    issues,
  )
  if (frame.length === undefined && frame.until === undefined) {
    issues.error(
      [...own, 'frame'],
      'nothing says how long a frame is',
      'frame: {length: {at: 0, type: u32, counts: all}}, or until: "\\n"',
    )
    return undefined
  }
  if (message.kind === undefined) {
    issues.error(
      [...own, 'message'],
      'nothing says what kind a message is',
      'message: {kind: {at: 6, type: u8, is: {1: request, 2: response}}}',
    )
    return undefined
  }
  const { align = 1 } = frame
  if (align > 1) scope.edge = edgeOf(() => length)
  const delimiter = frame.until === undefined ? undefined : endedFrames(scope, frame, pathOf)
  if (frame.until !== undefined && !delimiter) return undefined
  const checksum = frame.checksum && frameChecksum(scope, frame.checksum, pathOf('frame', 'checksum'), align > 1)
  if (checksum?.last) scope.edge = edgeBefore(checksum, scope.edge)
  const declared = scope.all()
  const length: LengthPlan | undefined = delimiter
    ? untilPlan(scope, delimiter, declared)
    : lengthPlan(scope, frame.length!, pathOf('frame', 'length'), align)
  const nodes = [...declared, ...paddingNodes(scope, declared, align > 1 ? length : undefined, checksum, own)]
  const selectors = conditionsOf(scope, variant?.when ?? {}, [...own, 'when'])
  const facts = conditionsOf(
    scope,
    Object.fromEntries(checks.map((check, i) => [checkName(i), checkCondition(check)])),
    pathOf('frame', 'check'),
  )
  if (facts?.some(({ node }) => node.place?.anchor.includes('value:'))) {
    issues.error(
      pathOf('frame', 'check'),
      'a fixed value cannot stand behind something as long as a number says: it is looked at before the frame is whole',
      'one behind the body counts to the length (plus: 1) and passes unchecked',
    )
  }
  const kind = kindPlan(scope, message.kind, pathOf('message', 'kind'), [...(facts ?? []), ...(selectors ?? [])])
  const refer = (what: FieldSpec | string | undefined, role: 'status' | 'timeout') =>
    what === undefined ? undefined : scope.resolve(typeof what === 'string' ? what : role, pathOf('message', role))
  const status = refer(message.status, 'status')
  const timeout = refer(message.timeout, 'timeout')
  const error = errorTest(scope, message, reply, pathOf('message', 'error'))
  if (!length || !selectors || !facts || !kind) return undefined
  const header = Math.max(
    0,
    ...nodes.filter(({ required }) => required).map(({ minEnd }) => minEnd),
    ...selectors.map(({ node }) => node.minEnd),
  )
  const least = header + trailerBytes(checksum) + (delimiter?.length ?? 0)
  const limits = limitsOf(frame.min, frame.max, least, length, pathOf, issues)
  const ownMax = variant === undefined || variant.frame?.max !== undefined
  if (ownMax && limits.asked !== undefined && limits.asked > length.most) {
    const { asked } = limits
    issues.warning(
      pathOf('frame', 'max'),
      `the maximum ${asked} is never reached: the length fields say at most ${length.most}`,
    )
  }
  checkOverlaps(declared, issues)
  const ids = nodes.filter(({ role }) => role === 'id')
  const idBits = Math.min(64, ...ids.flatMap(({ number }) => (number ? [bitsOf(number)] : [])))
  const plan = {
    name: variant?.name ?? '',
    from: variant?.from,
    path: own,
    scope,
    nodes,
    selectors,
    facts,
    selected: allOf(selectors),
    header,
    min: limits.min,
    maxFrame: limits.maxFrame,
    length,
    checks: facts,
    kind,
    ids,
    idBits: ids.length > 0 ? idBits : 0,
    idCount: Math.min(2 ** 64, ...ids.flatMap(({ number }) => (number ? [countOf(number)] : []))),
    reservedIds: reservedIds(message.id, [...selectors, ...kind.conditions]),
    status,
    timeout,
    error: error?.test,
    errorByte: error?.byte,
    rules: {
      length,
      checksum,
      maxFrame: limits.maxFrame,
      searched: delimiter !== undefined || nodes.some(isSearched),
    },
    reply,
    replyPath: (kind: ReplyKind): IssuePath =>
      variant?.reply?.[kind] ? [...own, 'reply', kind] : ['spec', 'reply', kind],
  }
  const plain = trailerTest(checksum) ? undefined : simpleInspect(plan, tailsOf(plan).length)
  const inspect = plain ?? inspector(plan)
  if (!nodes.some(({ path }) => usesProtobuf(scope, path))) return { ...plan, inspect }
  const indexed: VariantPlan['inspect'] = (b, at, length, out) => {
    keepIndex(true)
    const result = inspect(b, at, length, out)
    keepIndex(false)
    return result
  }
  return { ...plan, inspect: indexed }
}

/** Where a frame ends without its padding. */
function edgeOf(plan: () => LengthPlan | undefined): Position {
  return (b, at, limit) => {
    const n = plan()?.announced(b, at, limit) ?? BAD
    return n < 0 ? n : at + n > limit ? NEED : at + n
  }
}

/** The delimiter of frames that end with one; fields end before it. undefined when the document says other things that do not go with it. */
function endedFrames(
  scope: VariantScope,
  frame: NonNullable<ProtocolSpec['frame']>,
  pathOf: (room: 'frame', key: string) => IssuePath,
): Uint8Array | undefined {
  const path = pathOf('frame', 'until')
  for (const other of ['length', 'align'] as const) {
    if (frame[other] === undefined) continue
    scope.issues.error(path, `frames that end with a delimiter can have no "${other}"`, 'keep one of them')
    return undefined
  }
  const bytes = untilBytes(scope, frame.until!, path)
  if (!bytes) return undefined
  scope.searched = true
  scope.edge = (_b, at, limit) => (limit - at < bytes.length ? NEED : limit - bytes.length)
  return bytes
}

/** Whether a field is found by looking for bytes. */
function isSearched(node: Node): boolean {
  for (let owner: Node | undefined = node; owner; owner = owner.container) if (owner.searched !== undefined) return true
  return false
}

/** Ids the document names: what the message is hangs on them, so that none may take the place of another. */
function reservedIds(spec: MessageSpec['id'], conditions: readonly Condition[]): readonly number[] {
  const said = (Array.isArray(spec) ? spec : spec ? [spec] : []).flatMap(({ reserved = [] }) => reserved)
  const named = conditions.flatMap(({ node, marks }) => (node.role === 'id' ? marks : []))
  return [...new Set([...said, ...named.filter((mark) => typeof mark === 'number')])]
}

function declare(
  spec: ProtocolSpec,
  variant: VariantSpec | undefined,
  own: IssuePath,
  message: MessageSpec,
  length: Parameters<typeof lengthDeclaration>[0],
  checks: readonly CheckSpec[],
  reply: ReplySpec,
  pathOf: (room: 'frame' | 'message', key: string) => IssuePath,
  issues: Issues,
): Map<string, Declaration> {
  const all = new Map<string, Declaration>()
  const add = (name: string, declaration: Declaration) => {
    const before = all.get(name)
    if (before) {
      issues.error(
        declaration.path,
        `the name "${name}" is taken by the field's ${before.role ?? 'other'} declaration`,
        'choose another name',
      )
    }
    all.set(name, declaration)
  }
  const lengthField = lengthDeclaration(length, pathOf('frame', 'length'))
  if (lengthField) add('length', lengthField)
  checks.forEach((check, i) => {
    const { at, type, mask } = check
    const path = pathOf('frame', 'check')
    add(checkName(i), { path, role: 'check', spec: { at, type, writable: false, ...(mask !== undefined && { mask }) } })
  })
  if (typeof message.kind === 'object' && !Array.isArray(message.kind)) {
    add('kind', { path: pathOf('message', 'kind'), role: 'kind', spec: message.kind })
  }
  const ids = message.id === undefined ? [] : Array.isArray(message.id) ? message.id : [message.id]
  for (const [i, id] of ids.entries()) {
    const { reserved: _, ...field } = id
    add(i === 0 ? 'id' : `id${i + 1}`, { path: pathOf('message', 'id'), role: 'id', spec: field })
  }
  for (const role of ['status', 'timeout', 'flags'] as const) {
    const field = message[role]
    if (typeof field === 'object') add(role, { path: pathOf('message', role), role, spec: field })
  }
  const fields = { ...spec.fields, ...variant?.fields }
  for (const [name, field] of Object.entries(fields)) {
    const path = variant?.fields?.[name] ? [...own, 'fields', name] : ['spec', 'fields', name]
    add(name, { path, role: undefined, spec: field })
  }
  if (!all.has('flags') && all.has('kind') && replyKinds.some((kind) => setsFlags(reply[kind]))) {
    const path = pathOf('message', 'kind')
    all.set('flags', { path, role: 'flags', spec: { after: 'kind', type: 'u8', doc: 'The byte behind the kind.' } })
  }
  return all
}

function setsFlags(template: ReplySpec[ReplyKind]): boolean {
  return typeof template === 'object' && template.set !== undefined && 'flags' in template.set
}

const checkName = (i: number) => (i === 0 ? 'check' : `check${i + 1}`)

function checkCondition({ equals }: CheckSpec): number | number[] {
  return Array.isArray(equals) ? [...equals] : equals
}

function usesProtobuf(scope: Scope, path: IssuePath): boolean {
  return [...scope.declarations.values()].some(
    (declaration) => declaration.path === path && declaration.spec.pb !== undefined,
  )
}

interface ErrorRule {
  readonly test: Test
  readonly byte: VariantPlan['errorByte']
}

/** Without a rule of its own, an error reply is known by the flag bits our own error reply sets. */
function errorTest(scope: Scope, message: MessageSpec, reply: ReplySpec, path: IssuePath): ErrorRule | undefined {
  const template = typeof reply.error === 'object' ? reply.error : undefined
  const flags = template?.set?.['flags']
  const own =
    typeof flags === 'number' && flags !== 0 && scope.declarations.has('flags') ? { flags: { mask: flags } } : undefined
  const when: WhenSpec | undefined = message.error ?? own
  const conditions = when && conditionsOf(scope, when, path)
  if (!when || !conditions) return undefined
  return { test: allOf(conditions), byte: conditions.length === 1 ? byteOf(conditions[0]!) : undefined }
}

/** A condition on one byte of every frame, as a table of its values. */
function byteOf({ node, holds }: Condition): VariantPlan['errorByte'] {
  const { fixed, required, guarded, signed, mask, number } = node
  if (!fixed || !required || guarded || signed || number?.form !== 'int' || number.bytes !== 1) return undefined
  const values = Uint8Array.from({ length: 256 }, (_, byte) => (holds(mask === 0 ? byte : byte & mask) ? 1 : 0))
  return { at: node.minStart, values }
}

function limitsOf(
  minSpec: string | number | undefined,
  maxSpec: string | number | undefined,
  header: number,
  length: LengthPlan,
  pathOf: (room: 'frame', key: string) => IssuePath,
  issues: Issues,
): { readonly min: number; readonly maxFrame: number; readonly asked: number | undefined } {
  const maxPath = pathOf('frame', 'max')
  const minPath = pathOf('frame', 'min')
  const asked = maxSpec === undefined ? undefined : parseSize(maxSpec)
  const maxFrame = Math.min(asked ?? defaultMaxFrame, length.most)
  const min = minSpec === undefined ? header : parseSize(minSpec)
  if (Number.isNaN(asked)) issues.error(maxPath, `"${maxSpec}" is no size`, 'write 65536, 64KiB or 1MiB')
  if (Number.isNaN(min)) issues.error(minPath, `"${minSpec}" is no size`, 'write 16 or 1KiB')
  if (asked !== undefined && asked > maxFrameLimit) {
    issues.error(maxPath, `the maximum ${asked} is above what a proxy can hold, ${maxFrameLimit}`, 'at most 1GiB')
  }
  if (length.most < header) {
    const path = pathOf('frame', 'length')
    issues.error(path, `the frame's length is at most ${length.most}, below its header of ${header} bytes`)
  }
  if (min > maxFrame) {
    const path = minSpec === undefined ? maxPath : minPath
    const what = minSpec === undefined ? `the header of ${min} bytes` : `the minimum ${min}`
    issues.error(path, `${what} is above the maximum ${maxFrame}`)
  }
  if (minSpec !== undefined && min < header) {
    issues.error(
      minPath,
      `a frame length of ${min} is below the header, which ends at ${header}`,
      'leave "min" out, or mark fields optional',
    )
  }
  return { min, maxFrame, asked }
}
