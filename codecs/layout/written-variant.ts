import { type ReplyKind, replyKinds } from '../contract.ts'
import type { IssuePath, Issues } from './issue.ts'
import { lengthDeclaration } from './length.ts'
import type { CheckSpec, FrameSpec, MessageSpec, ProtocolSpec, ReplySpec, VariantSpec } from './schema.ts'
import type { Declaration } from './scope.ts'

/** A variant as it is written: what it says, and what it leaves to the base. */
export interface WrittenVariant {
  readonly variant: VariantSpec | undefined
  readonly path: IssuePath
  readonly frame: FrameSpec
  /** Numbers that every frame has at a place. */
  readonly checks: readonly CheckSpec[]
  readonly message: MessageSpec
  readonly fields: NonNullable<ProtocolSpec['fields']>
  readonly reply: ReplySpec
  /** Where a part is written: in the variant or in the base. */
  pathOf(room: 'frame' | 'message' | 'fields' | 'reply', key: string): IssuePath
}

/** Lays a variant over the base; `index` -1 is a protocol without variants. */
export function layOver(spec: ProtocolSpec, variant: VariantSpec | undefined, index: number): WrittenVariant {
  const path: IssuePath = variant ? ['spec', 'variants', index] : ['spec']
  const { length, until, ...base } = spec.frame ?? {}
  // A variant says one of both in place of the other.
  const said = variant?.frame
  const ends = said?.length === undefined && said?.until === undefined ? { length, until } : {}
  const frame = { ...base, ...ends, ...said }
  return {
    variant,
    path,
    frame,
    checks: frame.check === undefined ? [] : Array.isArray(frame.check) ? frame.check : [frame.check],
    message: { ...spec.message, ...variant?.message },
    fields: { ...spec.fields, ...variant?.fields },
    reply: { ...spec.reply, ...variant?.reply },
    pathOf: (room, key) =>
      variant?.[room] && Object.hasOwn(variant[room], key) ? [...path, room, key] : ['spec', room, key],
  }
}

/** The fields of a variant by name, those among them that the frame and the message name themselves. */
export function declarationsOf(written: WrittenVariant, issues: Issues): ReadonlyMap<string, Declaration> {
  const { frame, checks, message, fields, reply, pathOf } = written
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
  const lengthField = lengthDeclaration(frame.length, pathOf('frame', 'length'))
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
  for (const [name, field] of Object.entries(fields))
    add(name, { path: pathOf('fields', name), role: undefined, spec: field })
  if (!all.has('flags') && all.has('kind') && replyKinds.some((kind) => setsFlags(reply[kind]))) {
    const path = pathOf('message', 'kind')
    all.set('flags', { path, role: 'flags', spec: { after: 'kind', type: 'u8', doc: 'The byte behind the kind.' } })
  }
  return all
}

function setsFlags(template: ReplySpec[ReplyKind]): boolean {
  return typeof template === 'object' && template.set !== undefined && 'flags' in template.set
}

/** The name of a number that every frame has. */
export const checkName = (i: number) => (i === 0 ? 'check' : `check${i + 1}`)
