import {
  type Codec,
  type ErrorReason,
  emptyFrame,
  emptyRef,
  type FrameError,
  frameErrorName,
  type ReplyKind,
  replyKinds,
} from '../contract.ts'
import { defaultErrorCodes } from '../values.ts'
import { padFrame } from './edit.ts'
import { renewChecksum, withTrailer } from './frame-checksum.ts'
import type { IssuePath, Issues } from './issue.ts'
import { lengthNumber } from './length.ts'
import { joinBytes, type Node } from './node.ts'
import { compileTemplate, type Draft, setValue, type Template } from './reply.ts'
import type { TemplateSpec } from './schema.ts'
import type { VariantPlan } from './variant-plan.ts'

type Picker = (b: Uint8Array, at: number, limit: number) => number

/** The layouts of frames that come from one side. */
export interface ReplySide {
  readonly codec: Codec
  readonly plans: readonly VariantPlan[]
  readonly pick: Picker
}

type Templates = Record<ReplyKind, (Template | undefined)[]>

/** The frames a protocol's proxy makes itself, of those a client sends; `other` is how the client reads what it gets (a ping is the upstream's to read). */
export function compileReplies(
  own: ReplySide,
  other: ReplySide,
  issues: Issues,
): Pick<Codec, 'replies' | 'errorCodes'> & Partial<Pick<Codec, 'reply'>> {
  const { plans } = own
  const templates: Templates = { error: [], heartbeat: [], goaway: [], ping: [] }
  let codes: Partial<Record<ErrorReason, number>> = {}
  for (const kind of replyKinds) {
    templates[kind] = templatesOf(kind, own, kind === 'ping' ? own : other)
    for (const { reply } of plans) {
      if (kind === 'error' && typeof reply.error === 'object') codes = { ...codes, ...reply.error.codes }
    }
  }
  if (plans.every(({ reply }) => reply.error === undefined)) {
    issues.warning(
      ['spec', 'reply'],
      'there is no error reply: the proxy can only close the connection of a request it cannot answer',
      'reply: {error: close} says that this is meant',
    )
  }
  const replies = replyKinds.filter((kind) => templates[kind].some((template) => template !== undefined))
  const reply = replyMaker(own, other, templates)
  if (!issues.failed) {
    for (const kind of replies) {
      const { codec } = kind === 'ping' ? own : other
      probe(codec, reply, kind, templates[kind], plans, issues)
    }
  }
  return { replies, errorCodes: defaultErrorCodes(codes), ...(replies.length > 0 && { reply }) }
}

/** Answers to heartbeats of an upstream, for a protocol whose sides differ; nothing else is made of what an upstream sends. */
export function compileUpstreamReplies(
  own: ReplySide,
  client: ReplySide,
  issues: Issues,
): Pick<Codec, 'replies'> & Partial<Pick<Codec, 'reply'>> {
  for (const { from, reply, replyPath } of own.plans) {
    if (from === undefined) continue
    const [stray] = replyKinds.filter(
      (kind) => kind !== 'heartbeat' && replyPath(kind).includes('variants') && reply[kind],
    )
    if (stray)
      issues.error(
        replyPath(stray),
        `"${stray}" is not made of what an upstream sends`,
        'put it into a variant for frames of the client, or into `spec.reply`',
      )
  }
  const heartbeat = templatesOf('heartbeat', own, client)
  if (!heartbeat.some((template) => template !== undefined)) return { replies: [] }
  const templates: Templates = { error: [], heartbeat, goaway: [], ping: [] }
  return { replies: ['heartbeat'], reply: replyMaker(own, client, templates) }
}

/** The templates of one kind by variant of `own`; what they make is read by `other`. */
function templatesOf(kind: ReplyKind, { plans }: ReplySide, other: ReplySide): (Template | undefined)[] {
  const scopes = [...plans, ...other.plans].map(({ scope }) => scope)
  // The shortest frame there is on the other side: a copy of fewer bytes is none.
  const shortest = other.plans.reduce((least, plan) => (plan.header < least.header ? plan : least))
  return plans.map((plan) => {
    const template = plan.reply[kind]
    if (template === undefined || template === 'close') return undefined
    const path = plan.replyPath(kind)
    // One for all variants is for those whose messages can be answered so.
    if (!path.includes('variants') && answers[kind] && !plan.kind.kinds.some((name) => answers[kind]!.includes(name)))
      return undefined
    const known = [plan.scope, ...scopes.filter((scope) => scope !== plan.scope)]
    const same = other.plans.includes(plan)
    const { header } = same ? plan : shortest
    // What it sets may make it one of another variant.
    const least = same && !choosesVariant(template, other) ? plan : shortest
    return compileTemplate(plan.scope, template, path, { header, least: least.header, nodes: least.nodes }, known)
  })
}

/** Messages that a reply is made of; a goaway or ping is made of none. */
const answers: Partial<Record<ReplyKind, readonly string[]>> = {
  error: ['request', 'either'],
  heartbeat: ['heartbeat'],
}

function choosesVariant({ set = {} }: TemplateSpec, { plans }: ReplySide): boolean {
  return plans.some(({ selectors }) => selectors.some(({ node }) => node.name in set))
}

function replyMaker(own: ReplySide, other: ReplySide, templates: Templates): NonNullable<Codec['reply']> {
  const { pick } = own
  const forOther = builder(own, other)
  const forOwn = own === other ? forOther : builder(own, own)
  return (kind, b, at, length, code, message) => {
    const build = kind === 'ping' ? forOwn : forOther
    const variant = length > 0 ? pick(b, at, at + length) : 0
    const template =
      templates[kind][variant] ?? (length > 0 ? undefined : templates[kind].find((any) => any !== undefined))
    // Only an answer belongs to the request; a goaway or ping is a message of its own.
    const answers = kind === 'error' || kind === 'heartbeat'
    return template && build(template, b, at, at + length, answers ? variant : -1, code, message)
  }
}

function builder({ plans: requests }: ReplySide, { plans, pick, codec: { maxFrame } }: ReplySide) {
  const ref = emptyRef()
  return (
    template: Template,
    b: Uint8Array,
    at: number,
    limit: number,
    request: number,
    code: number,
    message: string,
  ) => {
    const draft = template.draft(b, at, limit, code, message)
    if (!draft) return undefined
    let frame: Uint8Array | undefined = draft.frame
    if (template.literal && limit > at && request >= 0) {
      const { ids } = requests[request]!
      for (const node of plans[pick(frame, 0, frame.length)]?.ids ?? []) {
        const id = ids.find(({ name }) => name === node.name) ?? ids[0]
        if (id?.read(b, at, limit, ref)) carryId(node, frame, ref.lo, ref.hi)
      }
    }
    for (const { name, value } of template.set) {
      const plan: VariantPlan | undefined = frame && plans[pick(frame, 0, frame.length)]
      frame = plan && frame && setOne(plan, frame, name, value, draft, code)
    }
    const plan = frame && plans[pick(frame, 0, frame.length)]
    if (!plan || !frame) return undefined
    frame = withTrailer(plan.rules.checksum, frame)
    if (plan.suffix) frame = joinBytes(frame, plan.suffix.bytes)
    const { until } = plan.length
    const right = until ? joinBytes(frame, until.bytes) : fixLength(plan, frame)
    const done = right && padFrame(plan.rules, right)
    if (!done || done.length > maxFrame || (!template.literal && done.length < plan.min)) return undefined
    renewChecksum(plan.rules, done, 0, done.length)
    // What it was filled with may have the delimiter.
    return !until || plan.length.total(done, 0, done.length) === done.length ? done : undefined
  }
}

/** Writes an id of the request over the one a literal frame has, where that has a fixed place; other ids are part of the body. */
function carryId(node: Node, frame: Uint8Array, lo: number, hi: number): void {
  if (!node.fixed || node.elastic) return
  const value = node.type === 'number' ? (node.signed ? lo : lo >>> 0) : (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)
  const patch = node.patch?.(frame, 0, frame.length, value)
  if (patch) frame.set(patch.bytes, patch.start)
}

function setOne(
  plan: VariantPlan,
  frame: Uint8Array,
  name: string,
  value: number | string,
  draft: Draft,
  code: number,
): Uint8Array | undefined {
  const node = plan.scope.node(name)
  const patch = node?.patch?.(frame, 0, frame.length, setValue(node, value, draft, code))
  if (!patch || patch.bytes.length !== patch.end - patch.start) return undefined
  frame.set(patch.bytes, patch.start)
  return frame
}

/** Writes the frame's own length where one field says it; where several do, `set` has to name them and the sum must come out right. */
function fixLength(plan: VariantPlan, frame: Uint8Array): Uint8Array | undefined {
  const { length } = plan
  const said = length.announced(frame, 0, frame.length)
  if (said === frame.length) return frame
  const number = lengthNumber(length, frame, 0, frame.length, frame.length)
  const node = length.single?.node
  const patch = number === undefined || !node ? undefined : node.patch?.(frame, 0, frame.length, number)
  if (!patch) return undefined
  if (patch.bytes.length === patch.end - patch.start) {
    frame.set(patch.bytes, patch.start)
    return frame
  }
  const out = new Uint8Array(frame.length - (patch.end - patch.start) + patch.bytes.length)
  out.set(frame.subarray(0, patch.start))
  out.set(patch.bytes, patch.start)
  out.set(frame.subarray(patch.end), patch.start + patch.bytes.length)
  return length.announced(out, 0, out.length) === out.length ? out : undefined
}

/** Tries a template that needs no request (or only its id) at load: it must make a frame this very codec takes. */
function probe(
  codec: Codec,
  reply: NonNullable<Codec['reply']>,
  kind: ReplyKind,
  templates: readonly (Template | undefined)[],
  plans: readonly VariantPlan[],
  issues: Issues,
): void {
  const i = templates.findIndex((template) => template?.literal)
  if (i < 0) return
  const path: IssuePath = plans[i]!.replyPath(kind)
  const frame = reply(kind, new Uint8Array(0), 0, 0, 1, 'message')
  if (!frame) {
    issues.error(path, 'this makes no frame: a field it sets is not in it, or its length cannot be said')
    return
  }
  const length = codec.frameLength(frame, 0, frame.length)
  if (length === frame.length) {
    const seen = emptyFrame()
    const result = codec.inspect(frame, 0, length, seen)
    if (result === 0 && seen.more !== 0)
      issues.error(path, 'this makes a frame behind which more of the reply would follow: `more` holds of it')
    if (result === 0) return
    issues.error(path, `this makes a frame the protocol itself refuses: ${frameErrorName(result)}`)
    return
  }
  const why = length < 0 ? frameErrorName(length as FrameError) : `it says ${length} bytes and has ${frame.length}`
  issues.error(path, `this makes a frame the protocol itself refuses: ${why}`)
}
