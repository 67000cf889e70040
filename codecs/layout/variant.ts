import { emptyRef, type Frame, FrameError, FrameKind, type FrameSide, type ReplyKind, replyKinds } from '../contract.ts'
import { checksumKinds } from './checksum.ts'
import { allOf, type Condition, conditionsOf } from './condition.ts'
import type { FrameRules } from './edit.ts'
import { parseSize } from './expression.ts'
import type { IssuePath, Issues } from './issue.ts'
import { type KindPlan, kindPlan } from './kind.ts'
import { type LengthPlan, lengthDeclaration, lengthPlan } from './length.ts'
import type { Node, Position, Test } from './node.ts'
import { BAD, NEED } from './numbers.ts'
import { checkOverlaps } from './overlap.ts'
import { paddingNodes } from './padding.ts'
import { keepIndex } from './protobuf.ts'
import type { CheckSpec, FieldSpec, MessageSpec, ProtocolSpec, ReplySpec, VariantSpec, WhenSpec } from './schema.ts'
import { type Declaration, Scope } from './scope.ts'
import { simpleInspect } from './simple.ts'
import { bitsOf, countOf } from './types.ts'

/** One layout of a protocol, compiled. */
export interface VariantPlan {
  readonly name: string
  /** Whose frames are laid out so; absent: those of both sides. */
  readonly from: FrameSide | undefined
  readonly path: IssuePath
  readonly scope: Scope
  readonly nodes: readonly Node[]
  /** Conditions that choose this variant; empty: always. */
  readonly selectors: readonly Condition[]
  readonly facts: readonly Condition[]
  readonly selected: Test
  readonly header: number
  readonly min: number
  readonly maxFrame: number
  readonly length: LengthPlan
  /** Whether the fixed values are there; -1 NEED. */
  readonly checks: readonly Condition[]
  readonly kind: KindPlan
  readonly ids: readonly Node[]
  readonly idBits: number
  /** How many ids there are. */
  readonly idCount: number
  /** Ids that are never given. */
  readonly reservedIds: readonly number[]
  readonly status: Node | undefined
  readonly timeout: Node | undefined
  readonly error: Test | undefined
  /** The error test, where it is about one byte: which of its values are errors (1). */
  readonly errorByte: { readonly at: number; readonly values: Uint8Array } | undefined
  readonly rules: FrameRules
  readonly reply: ReplySpec
  readonly replyPath: (kind: ReplyKind) => IssuePath
  readonly inspect: (b: Uint8Array, at: number, length: number, out: Frame) => number
}

/** No document may ask for more; a frame is held in memory until it is whole. */
export const maxFrameLimit = 2 ** 30
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
  const frame = { ...spec.frame, ...variant?.frame }
  const message: MessageSpec = { ...spec.message, ...variant?.message }
  const reply: ReplySpec = { ...spec.reply, ...variant?.reply }
  const checks = frame.check === undefined ? [] : Array.isArray(frame.check) ? frame.check : [frame.check]
  const scope = new Scope(declare(spec, variant, own, message, frame.length, checks, reply, pathOf, issues), issues)
  if (frame.length === undefined) {
    issues.error(
      [...own, 'frame'],
      'nothing says how long a frame is',
      'frame: {length: {at: 0, type: u32, counts: all}}',
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
  const declared = scope.all()
  const length: LengthPlan | undefined = lengthPlan(scope, frame.length, pathOf('frame', 'length'), align)
  const nodes = [...declared, ...paddingNodes(scope, declared, align > 1 ? length : undefined, own)]
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
  const checksum = frame.checksum
  const checksumAt = checksum && offsetOf(scope, checksum.at, [...pathOf('frame', 'checksum'), 'at'])
  const checksumWhen = checksum?.when && scope.presence(checksum.when, [...pathOf('frame', 'checksum'), 'when'])
  if (!length || !selectors || !facts || !kind) return undefined
  const header = Math.max(
    0,
    ...nodes.filter(({ required }) => required).map(({ minEnd }) => minEnd),
    ...selectors.map(({ node }) => node.minEnd),
  )
  const limits = limitsOf(frame.min, frame.max, header, length, pathOf, issues)
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
      checksum: checksumAt && {
        at: checksumAt,
        from: checksum.from ?? 0,
        when: checksumWhen,
        kind: checksumKinds[checksum.type],
      },
      maxFrame: limits.maxFrame,
    },
    reply,
    replyPath: (kind: ReplyKind): IssuePath =>
      variant?.reply?.[kind] ? [...own, 'reply', kind] : ['spec', 'reply', kind],
  }
  const inspect = simpleInspect(plan, tailsOf(plan).length) ?? inspector(plan)
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

function offsetOf(scope: Scope, source: string | number, path: IssuePath): Position | undefined {
  const expression = scope.expression(source, path)
  return expression && scope.offset(expression, path)?.position
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

function inspector(plan: Omit<VariantPlan, 'inspect'>): VariantPlan['inspect'] {
  const { header, kind, ids, idBits, status, error, timeout } = plan
  const wide = idBits > 32
  const [id, second] = ids
  // An id is its bits, whatever sign the field has.
  const idBitsOnly =
    id?.number?.form === 'int' && id.signed && id.number.bytes < 4 ? 2 ** (id.number.bytes * 8) - 1 : -1
  const { kindOf, table, constant } = kind
  const readId = id?.read
  const readSecond = wide ? undefined : second?.read
  const idNeeded = id?.required === true
  const readStatus = status?.read
  const readTimeout = timeout?.read
  const ref = emptyRef()
  const tails = tailsOf(plan)
  const kinds = table?.kinds
  const kindAt = table?.offset ?? 0
  return (b, at, length, out) => {
    if (length < header) return FrameError.belowHeader
    const limit = at + length
    const frameKind = constant ?? (kinds ? kinds[b[at + kindAt]!]! : kindOf(b, at, limit))
    if (frameKind <= 0) return FrameError.unknownKind
    out.kind = frameKind
    if (readId?.(b, at, limit, ref)) {
      out.idLo = ref.lo & idBitsOnly
      out.idHi = wide ? ref.hi : 0
      if (readSecond?.(b, at, limit, ref)) out.idHi = out.idLo ^ (ref.lo & idBitsOnly)
    } else {
      if (idNeeded) return FrameError.malformed
      out.idLo = 0
      out.idHi = 0
    }
    for (let i = 0; i < tails.length; i++) if (tails[i]!(b, at, limit) < 0) return FrameError.malformed
    out.timeout = readTimeout?.(b, at, limit, ref) && ref.hi === 0 && ref.lo > 0 ? ref.lo : 0
    out.status = 0
    out.error = 0
    if (frameKind === FrameKind.response || frameKind === FrameKind.either) {
      if (readStatus?.(b, at, limit, ref)) out.status = ref.lo
      if (error?.(b, at, limit)) out.error = 1
    }
    return 0
  }
}

/**
 * Ends of the fields every frame must have and whose place or length varies: a frame too short for them is malformed. Of a chain of
 * fields the last one is enough, and the id is read anyway.
 */
function tailsOf({ nodes, ids }: Pick<VariantPlan, 'nodes' | 'ids'>): readonly Position[] {
  const moving = nodes.filter(
    (node) => node.required && !(node.fixed && (node.rest || Number.isFinite(node.place?.bytes))),
  )
  const followed = (node: Node) =>
    nodes.some((other) => other.required && other.place?.anchor.includes(`end:${node.name}`))
  const read = ids[0]
  return moving.filter((node) => node !== read && node.role !== 'length' && !followed(node)).map(({ end }) => end)
}
