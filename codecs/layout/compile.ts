import type { Codec, Edit, FieldInfo, FieldRef } from '../contract.ts'
import { emptyRef, FrameError, frameSides } from '../contract.ts'
import { defaultErrorCodes, fieldValue } from '../values.ts'
import { unreachable } from './condition.ts'
import { checkConnections } from './connections.ts'
import { setField } from './edit.ts'
import type { Escape } from './escape.ts'
import { enclosed, enclosure } from './escaped.ts'
import { renewChecksum } from './frame-checksum.ts'
import { commonFacts, lengthDiffers, lengthReader } from './frame-length.ts'
import { type Issue, Issues } from './issue.ts'
import { countsInto } from './length.ts'
import { checkMore } from './more.ts'
import { didYouMean } from './names.ts'
import type { Node } from './node.ts'
import { compileReplies, compileUpstreamReplies, type ReplySide } from './replies.ts'
import type { ProtocolSpec } from './schema.ts'
import { type Picker, simplePicker, simpleWriteId, slotReader } from './simple.ts'
import { fastSplice, partOf } from './splice-id.ts'
import { compileVariant } from './variant.ts'
import type { VariantPlan } from './variant-plan.ts'
import { idValue, writer } from './write-id.ts'

export interface CompileResult {
  /** Absent when any issue is an error. */
  readonly codec?: Codec
  readonly issues: readonly Issue[]
}

/**
 * Compiles the `spec` of a Protocol document to a codec of closures over typed descriptors; nothing is generated or evaluated.
 * Refuses what cannot be safe. Paths of issues start with `spec`.
 */
export function compileProtocol(name: string, spec: ProtocolSpec): CompileResult {
  const issues = new Issues()
  const plans = spec.variants
    ? spec.variants.map((variant, i) => compileVariant(spec, variant, i, issues))
    : [compileVariant(spec, undefined, -1, issues)]
  if (!plans.every((plan) => plan !== undefined)) return { issues: issues.list }
  const around = enclosure(spec, issues)
  const sides = sidesOf(plans, issues)
  if (around === undefined || sides.some((side) => side.length === 0)) return { issues: issues.list }
  if (spec.variants) for (const side of sides) checkVariants(side, issues)
  const modes = checkConnections(spec, plans, issues)
  checkMore(spec, plans, issues)
  const tables = sides.map((side) => slotTable(side, issues))
  if (issues.failed) return { issues: issues.list }
  const ids = idsOf(plans)
  const made = sides.map((side, i) => {
    const codec = build(name, spec, side, modes, ids, tables[i]!)
    return { codec, plans: side, pick: picker(side) }
  })
  const [own, upstream] = made as [ReplySide, ReplySide?]
  const replies = compileReplies(own, upstream ?? own, issues)
  const trace = spec.trace === undefined ? undefined : traceSlot(own.codec, spec, issues)
  const theirs = upstream && { ...upstream.codec, ...compileUpstreamReplies(upstream, own, issues) }
  if (issues.failed) return { issues: issues.list }
  const codec = {
    ...own.codec,
    ...replies,
    ...(theirs && { upstream: theirs }),
    ...(trace !== undefined && { trace }),
  }
  return { codec: around ? enclosedSides(codec, around) : codec, issues: issues.list }
}

/** Both sides put their contents into frames alike. */
function enclosedSides(codec: Codec, around: Escape): Codec {
  const own = enclosed(codec, around)
  return codec.upstream ? { ...own, upstream: enclosed(codec.upstream, around) } : own
}

/** The variants of a client's frames and of the upstream's; one list where all are of both. */
function sidesOf(plans: readonly VariantPlan[], issues: Issues): readonly (readonly VariantPlan[])[] {
  if (plans.every(({ from }) => from === undefined)) return [plans]
  return frameSides.map((side) => {
    const own = plans.filter(({ from }) => from === undefined || from === side)
    if (own.length === 0)
      issues.error(['spec', 'variants'], `no variant is for frames of the ${side}`, `add one with \`from: ${side}\``)
    return own
  })
}

function traceSlot(codec: Codec, { trace = '', module }: ProtocolSpec, issues: Issues): number | undefined {
  const slot = codec.slot(trace)
  const path = ['spec', 'trace']
  // A module may know entries that the layout does not: `extendCodec` is given the whole codec and may say its own `trace`.
  if (slot < 0 && module !== undefined) return undefined
  if (slot < 0) {
    const known = codec.fields.map(({ name }) => name)
    issues.error(path, `there is no field "${trace}"`, didYouMean(trace, known))
    return undefined
  }
  const { type } = codec.fields[slot]!
  if (type === 'string' || type === 'bytes') return slot
  issues.error(path, `"${trace}" is a number, and a trace is a text or 16 bytes`)
  return undefined
}

/** Variants no frame can reach, and selectors that stand behind the end of shorter frames. */
function checkVariants(plans: readonly VariantPlan[], issues: Issues): void {
  for (const i of unreachable(
    plans.map(({ selectors }) => selectors),
    commonFacts(plans),
  )) {
    const { name, path } = plans[i]!
    issues.error(
      [...path, 'when'],
      `the variant "${name}" is never reached: an earlier one always matches first`,
      'put the narrower one first',
    )
  }
  if (!lengthDiffers(plans)) return
  const shortest = Math.min(...plans.map(({ min }) => min))
  for (const plan of plans) {
    for (const { node } of plan.selectors) {
      if (!node.fixed || !Number.isFinite(node.place?.bytes) || node.minEnd > shortest) {
        issues.error(
          [...plan.path, 'when', node.name],
          `the frame's length hangs on "${node.name}", which must end within the shortest header, ${shortest} bytes`,
          'look at a number or a text of fixed size at a fixed offset, as `lead: {at: 0, type: str, size: 2}`',
        )
      }
    }
  }
}

function picker(plans: readonly VariantPlan[]): Picker {
  if (plans.length === 1 && plans[0]!.selectors.length === 0) return () => 0
  const simple = simplePicker(plans)
  if (simple) return simple
  const tests = plans.map(({ selected }) => selected)
  return (b, at, limit) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(b, at, limit)) return i
    return -1
  }
}

interface Slots {
  readonly fields: FieldInfo[]
  /** `nodes[slot][variant]` */
  readonly nodes: (Node | undefined)[][]
  readonly byName: Map<string, number>
}

function slotTable(plans: readonly VariantPlan[], issues: Issues): Slots {
  const slots: Slots = { fields: [], nodes: [], byName: new Map() }
  plans.forEach((plan, i) => {
    for (const node of plan.nodes) {
      const slot = slots.byName.get(node.name)
      if (slot === undefined)
        addSlot(
          slots,
          node,
          plans.map((_, other) => (other === i ? node : undefined)),
          plans,
        )
      else {
        const info = slots.fields[slot]!
        if (info.type !== node.type) {
          issues.error(
            node.path,
            `"${node.name}" is a ${node.type} here and a ${info.type} in another variant`,
            'choose another name',
          )
        }
        slots.nodes[slot]![i] = node
        const values = flatValues(node)
        const { bits: _, ...same } = info
        slots.fields[slot] = {
          ...same,
          ...narrower(info.bits, narrowBits(node)),
          writable: info.writable || canWrite(node, plan),
          ...(values && { values: { ...info.values, ...values } }),
        }
      }
    }
  })
  return slots
}

function addSlot(slots: Slots, node: Node, nodes: (Node | undefined)[], plans: readonly VariantPlan[]): number {
  const slot = slots.fields.length
  const values = flatValues(node)
  slots.fields.push({
    name: node.name,
    slot,
    type: node.type,
    signed: node.signed,
    ...narrower(narrowBits(node), narrowBits(node)),
    writable: nodes.some((other, i) => other !== undefined && canWrite(other, plans[i]!)),
    ...(values && { values }),
    ...(node.role && { role: node.role }),
    ...(node.doc && { doc: node.doc }),
    ...(node.prefix?.form === 'int' && { prefix: { bytes: node.prefix.bytes, le: node.prefix.le } }),
  })
  slots.nodes.push(nodes)
  slots.byName.set(node.name, slot)
  return slot
}

/** Bits of an integer of fewer than 32; undefined where it may have more. */
function narrowBits({ number, mask }: Node): number | undefined {
  if (number?.form !== 'int') return undefined
  const bits = mask === 0 ? number.bytes * 8 : 32 - Math.clz32(mask)
  return bits < 32 ? bits : undefined
}

/** Of two variants the wider counts. */
function narrower(a: number | undefined, b: number | undefined): { readonly bits?: number } {
  return a === undefined || b === undefined ? {} : { bits: Math.max(a, b) }
}

function flatValues(node: Node): Readonly<Record<string, number>> | undefined {
  return node.values && Object.fromEntries([...node.values].map(([name, values]) => [name, values[0]!]))
}

/** A field whose length may change is writable only if everything that counts it can be corrected. */
function canWrite(node: Node, { length }: VariantPlan): boolean {
  // What joins and sorts messages is the proxy's to write, no filter's.
  if (!node.writable || !node.patch || node.role === 'id' || node.role === 'kind') return false
  // Where frames end with a delimiter, no number says how long they are.
  if (!node.elastic || (length.until && !node.container)) return true
  for (let owner: Node | undefined = node; owner; owner = owner.container) {
    if (!owner.elastic || (owner.whole && !owner.patch)) return false
    if (countsInto(length, owner.sizeNode)) return true
    if (owner.sizeNode && !owner.sizeNode.patch) return false
  }
  if (length.until) return true
  const single = length.single?.node
  return single !== undefined && single.patch !== undefined && (!single.elastic || length.constant >= single.minEnd)
}

/** What both sides of a protocol must agree on. */
interface SharedIds {
  readonly bits: number
  readonly idCount: number
  readonly reservedIds: readonly number[]
}

const idsWritable = ({ ids }: VariantPlan) => ids.length > 0 && ids.every((node) => node.patch && node.writable)

function idsOf(plans: readonly VariantPlan[]): SharedIds {
  const writable = plans.filter(idsWritable)
  return {
    bits: writable.length > 0 ? Math.min(...writable.map(({ idBits }) => idBits)) : 0,
    idCount: Math.min(2 ** 64, ...writable.map((plan) => plan.idCount)),
    reservedIds: [...new Set(plans.flatMap((plan) => plan.reservedIds))],
  }
}

function build(
  name: string,
  spec: ProtocolSpec,
  plans: readonly VariantPlan[],
  modes: Codec['modes'],
  shared: SharedIds,
  slots: Slots,
): Codec {
  const { fields, nodes, byName } = slots
  const pick = picker(plans)
  const [only] = plans
  const single = plans.length === 1 && only!.selectors.length === 0
  const read = slotReader(nodes, single ? undefined : pick)
  const ref: FieldRef = emptyRef()
  const inspect = inspector(plans, pick, single)
  const { bits, idCount, reservedIds } = shared
  const planOf = (b: Uint8Array, at: number, length: number) => plans[pick(b, at, at + length)]
  const codec: Codec = {
    name,
    headerMin: Math.min(...plans.map(({ min }) => min)),
    maxFrame: Math.max(...plans.map(({ maxFrame }) => maxFrame)),
    modes,
    ...(plans.some(({ length }) => length.until) && { delimited: true as const }),
    ordered: spec.ordered === true,
    ...(plans.some(({ more }) => more) && { parted: true as const }),
    ...(plans.some(({ kind }) => kind.kinds.includes('cancel')) && { cancels: true as const }),
    ...(spec.speaksFirst === 'upstream' && { speaksFirst: spec.speaksFirst }),
    idBits: bits,
    ...(bits > 0 && idCount !== 2 ** bits && { idCount }),
    ...(bits > 0 && reservedIds.length > 0 && { reservedIds }),
    fields,
    replies: [],
    errorCodes: defaultErrorCodes(),
    slot: (field) => {
      const known = byName.get(field)
      if (known !== undefined) return known
      const dot = field.indexOf('.')
      const map = dot > 0 ? nodes[byName.get(field.slice(0, dot)) ?? -1] : undefined
      if (!map?.some((node) => node?.entry)) return -1
      const key = field.slice(dot + 1)
      const entries = map.map((node) => node?.entry?.(key, node))
      const sample = entries.find((node) => node !== undefined)
      return sample === undefined ? -1 : addSlot(slots, sample, entries, plans)
    },
    frameLength: lengthReader(plans, pick),
    inspect,
    read,
    field: (slot, b, at, length) => {
      const info = fields[slot]
      return info && read(slot, b, at, length, ref) ? fieldValue(info, b, ref) : undefined
    },
    mutate: (b, at, length, edits) => mutate(planOf(b, at, length), nodes, pick, b.slice(at, at + length), edits),
  }
  if (bits === 0) return codec
  const elastic = plans.some((plan) => idsWritable(plan) && plan.ids.some((node) => node.elastic))
  const splice = plans.map(fastSplice)
  const write = plans.map((plan) => simpleWriteId(plan) ?? writer(plan))
  return {
    ...codec,
    writeId: single
      ? write[0]!
      : (b, at, length, lo, hi) => {
          const variant = pick(b, at, at + length)
          return variant >= 0 && write[variant]!(b, at, length, lo, hi)
        },
    ...(elastic && {
      spliceId: (b, at, length, lo, hi) => {
        const variant = pick(b, at, at + length)
        const plan = plans[variant]
        if (!plan || plan.ids.length === 0) return undefined
        const quick = splice[variant]?.(b, at, length, lo, hi)
        if (quick) return quick
        let frame: Uint8Array | undefined = b.slice(at, at + length)
        for (const [i, node] of plan.ids.entries()) {
          const value = idValue(node, partOf(plan, i, lo, hi), hi)
          frame = frame && setField(plan.rules, frame, node, value)
        }
        if (frame) renewChecksum(plan.rules, frame, 0, frame.length)
        return frame
      },
    }),
  }
}

function mutate(
  plan: VariantPlan | undefined,
  nodes: (Node | undefined)[][],
  pick: Picker,
  frame: Uint8Array,
  edits: readonly Edit[],
): Uint8Array | undefined {
  if (!plan) return undefined
  const variant = pick(frame, 0, frame.length)
  let result: Uint8Array | undefined = frame
  for (const { slot, value } of edits) {
    const node: Node | undefined = nodes[slot]?.[variant]
    if (!node || !canWrite(node, plan)) return undefined
    const named = typeof value === 'string' ? node.values?.get(value) : undefined
    result = setField(plan.rules, result, node, named ? named[0] : value)
    if (!result) return undefined
  }
  // A field that chooses the layout cannot be changed: the rest of the frame would mean something else.
  if (pick(result, 0, result.length) !== variant) return undefined
  renewChecksum(plan.rules, result, 0, result.length)
  return result
}

function inspector(plans: readonly VariantPlan[], pick: Picker, single: boolean): Codec['inspect'] {
  if (single) return plans[0]!.inspect
  const all = plans.map(({ inspect }) => inspect)
  return (b, at, length, out) => {
    const variant = pick(b, at, at + length)
    return variant < 0 ? FrameError.unknownVariant : all[variant]!(b, at, length, out)
  }
}
