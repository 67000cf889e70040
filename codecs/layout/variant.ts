import type { ReplyKind } from '../contract.ts'
import { allOf, type Condition, conditionsOf } from './condition.ts'
import { delimiterBytes } from './delimiter.ts'
import { isEnclosed } from './escaped.ts'
import { edgeBefore, type FrameChecksum, frameChecksum, trailerBytes, trailerTest } from './frame-checksum.ts'
import { frameLimits } from './frame-limits.ts'
import { inspector, tailsOf } from './inspect.ts'
import type { IssuePath, Issues } from './issue.ts'
import { kindPlan } from './kind.ts'
import { type LengthPlan, lengthPlan } from './length.ts'
import { moreTest, sayingMore } from './more.ts'
import type { Node, Position, Test } from './node.ts'
import { BAD, NEED } from './numbers.ts'
import { checkOverlaps } from './overlap.ts'
import { paddingNodes } from './padding.ts'
import { keepIndex } from './protobuf.ts'
import type { FieldSpec, FrameSpec, MessageSpec, ProtocolSpec, ReplySpec, VariantSpec, WhenSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { simpleInspect } from './simple.ts'
import { type FrameSuffix, frameSuffix } from './suffix.ts'
import { bitsOf, countOf } from './types.ts'
import { beforeEnd, type Ends, givenPlan, otherEnd, untilEnds, untilPlan } from './until.ts'
import type { VariantPlan } from './variant-plan.ts'
import { VariantScope } from './variant-scope.ts'
import { checkName, declarationsOf, layOver, type WrittenVariant } from './written-variant.ts'

/** Compiles one variant laid over the base; `index` -1 is a protocol without variants. */
export function compileVariant(
  spec: ProtocolSpec,
  variant: VariantSpec | undefined,
  index: number,
  issues: Issues,
): VariantPlan | undefined {
  const written = layOver(spec, variant, index)
  const { path, message, reply, pathOf } = written
  const scope = new VariantScope(declarationsOf(written, issues), issues)
  if (!saysEnough(written, issues)) return undefined
  const shape = frameShape(scope, written)
  if (!shape) return undefined
  const { length, nodes, declared, checksum, delimiter, suffix } = shape
  const selectors = conditionsOf(scope, variant?.when ?? {}, [...path, 'when'])
  const facts = factsOf(scope, written)
  const kind = kindPlan(scope, message.kind!, pathOf('message', 'kind'), [...(facts ?? []), ...(selectors ?? [])])
  const refer = (what: FieldSpec | string | undefined, role: 'status' | 'timeout') =>
    what === undefined ? undefined : scope.resolve(typeof what === 'string' ? what : role, pathOf('message', role))
  const status = refer(message.status, 'status')
  const timeout = refer(message.timeout, 'timeout')
  const error = errorTest(scope, message, reply, pathOf('message', 'error'))
  if (!length || !selectors || !facts || !kind) return undefined
  const more = moreTest(scope, written, kind, [...facts, ...selectors])
  const header = Math.max(
    0,
    ...nodes.filter(({ required }) => required).map(({ minEnd }) => minEnd),
    ...selectors.map(({ node }) => node.minEnd),
  )
  const { min, maxFrame } = frameLimits(
    written,
    header +
      trailerBytes(checksum) +
      (suffix?.bytes.length ?? 0) +
      Math.min(...(delimiter?.ends.map(({ length }) => length) ?? [0])),
    length,
    issues,
  )
  checkOverlaps(declared, checksum, issues)
  const plan = {
    name: variant?.name ?? '',
    from: variant?.from,
    path,
    scope,
    nodes,
    selectors,
    facts,
    selected: allOf(selectors),
    header,
    min,
    maxFrame,
    length,
    kind,
    ...idsOf(nodes),
    reservedIds: reservedIds(message.id, [...selectors, ...kind.conditions]),
    status,
    timeout,
    error: error?.test,
    errorByte: error?.byte,
    suffix,
    more,
    rules: { length, checksum, maxFrame, searched: length.until !== undefined || nodes.some(isSearched) },
    reply,
    replyPath: (kind: ReplyKind): IssuePath => pathOf('reply', kind),
  }
  const plain = trailerTest(checksum) ? undefined : simpleInspect(plan, tailsOf(plan).length)
  const inspect = sayingMore(plain ?? inspector(plan), more)
  return { ...plan, inspect: nodes.some(({ path }) => usesProtobuf(scope, path)) ? indexed(inspect) : inspect }
}

/** Without an end of frames and a kind of messages there is nothing to compile. */
function saysEnough({ path, frame, message }: WrittenVariant, issues: Issues): boolean {
  if (frame.length === undefined && frame.until === undefined) {
    issues.error(
      [...path, 'frame'],
      'nothing says how long a frame is',
      'frame: {length: {at: 0, type: u32, counts: all}}, or until: "\\n"',
    )
    return false
  }
  if (message.kind !== undefined) return true
  issues.error(
    [...path, 'message'],
    'nothing says what kind a message is',
    'message: {kind: {at: 6, type: u8, is: {1: request, 2: response}}}',
  )
  return false
}

/** How a frame ends, and what lies in it. */
interface FrameShape {
  /** Absent, too, of frames that are escaped: what is looked at then lies between their delimiters. */
  readonly delimiter: Ends | undefined
  readonly suffix: FrameSuffix | undefined
  readonly checksum: FrameChecksum | undefined
  readonly length: LengthPlan | undefined
  /** All fields. */
  readonly declared: readonly Node[]
  /** The same with the padding. */
  readonly nodes: readonly Node[]
}

/** Ends come first: where fields end that go up to the end of the frame hangs on them. undefined where the delimiter is wrong. */
function frameShape(scope: VariantScope, { path, frame, pathOf }: WrittenVariant): FrameShape | undefined {
  const { align = 1 } = frame
  let length: LengthPlan | undefined
  if (align > 1) scope.edge = edgeOf(() => length)
  const inside = isEnclosed(frame)
  const delimiter = frame.until === undefined || inside ? undefined : endedFrames(scope, frame, pathOf)
  if (frame.until !== undefined && !inside && !delimiter) return undefined
  if (inside) scope.searched = true
  const suffix = frameSuffix(scope, frame.suffix, pathOf('frame', 'suffix'))
  if (suffix === undefined) return undefined
  if (suffix) scope.edge = suffix.start
  const checksum = frame.checksum && frameChecksum(scope, frame.checksum, pathOf('frame', 'checksum'), align > 1)
  if (checksum?.last) scope.edge = edgeBefore(checksum, scope.edge)
  const declared = scope.all()
  length = inside
    ? givenPlan(scope, frame.escape ? [] : [frame.until!].flat().flatMap((end) => delimiterBytes(end) ?? []), declared)
    : delimiter
      ? untilPlan(scope, delimiter, declared)
      : lengthPlan(scope, frame.length!, pathOf('frame', 'length'), align)
  const nodes = [
    ...declared,
    ...paddingNodes(scope, declared, { frame: align > 1 ? length : undefined, checksum, suffix }, path),
  ]
  return { delimiter, suffix: suffix ?? undefined, checksum, length, declared, nodes }
}

/** Conditions that every frame fulfils, or it is none. */
function factsOf(scope: Scope, { checks, pathOf }: WrittenVariant): readonly Condition[] | undefined {
  const path = pathOf('frame', 'check')
  const values = checks.map(({ equals }, i) => [checkName(i), Array.isArray(equals) ? [...equals] : equals] as const)
  const facts = conditionsOf(scope, Object.fromEntries(values), path)
  if (facts?.some(({ node }) => node.place?.anchor.includes('value:')))
    scope.issues.error(
      path,
      'a fixed value cannot stand behind something as long as a number says: it is looked at before the frame is whole',
      'one at the end of the frame is a suffix: frame: {suffix: 0xce}',
    )
  return facts
}

function idsOf(nodes: readonly Node[]): Pick<VariantPlan, 'ids' | 'idBits' | 'idCount'> {
  const ids = nodes.filter(({ role }) => role === 'id')
  const numbers = ids.flatMap(({ number }) => number ?? [])
  return {
    ids,
    idBits: ids.length > 0 ? Math.min(64, ...numbers.map(bitsOf)) : 0,
    idCount: Math.min(2 ** 64, ...numbers.map(countOf)),
  }
}

/** What is read of protobuf is looked up once for all fields of a message. */
function indexed(inspect: VariantPlan['inspect']): VariantPlan['inspect'] {
  return (b, at, length, out) => {
    keepIndex(true)
    const result = inspect(b, at, length, out)
    keepIndex(false)
    return result
  }
}

/** Where a frame ends without its padding. */
function edgeOf(plan: () => LengthPlan | undefined): Position {
  return (b, at, limit) => {
    const n = plan()?.announced(b, at, limit) ?? BAD
    return n < 0 ? n : at + n > limit ? NEED : at + n
  }
}

/** The delimiters of frames that end with one; fields end before it. undefined when the document says other things that do not go with it. */
function endedFrames(scope: VariantScope, frame: FrameSpec, pathOf: WrittenVariant['pathOf']): Ends | undefined {
  const path = pathOf('frame', 'until')
  if (otherEnd(frame, path, scope.issues)) return undefined
  const ends = untilEnds(scope.issues, frame.until!, path)
  if (!ends) return undefined
  scope.searched = true
  scope.edge = beforeEnd(ends)
  return ends
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
