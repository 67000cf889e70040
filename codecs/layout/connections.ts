import type { ConnectionMode } from '../contract.ts'
import type { Issues } from './issue.ts'
import type { Node } from './node.ts'
import { overlap } from './overlap.ts'
import type { ProtocolSpec } from './schema.ts'
import type { VariantPlan } from './variant-plan.ts'

const leaveOut = 'leave shared out: connections: [bound, exclusive]'

/** Why an id cannot be written. */
function obstacle({ writable, guarded, mask, container }: VariantPlan['ids'][number]): string {
  if (guarded) return 'it is not in every frame (`when`)'
  if (mask !== 0) return 'it is some bits of a number'
  if (container && !container.elastic) return `nothing says how long "${container.name}" is, so it cannot change`
  return writable ? 'it is no number' : 'it is `writable: false`'
}

/** The fields that say whether bytes are a frame, which variant it is, and of what kind. */
function decidedBy({ nodes, facts, selectors, kind }: VariantPlan): readonly Node[] {
  const conditions = [...facts, ...selectors, ...kind.conditions]
  return [...conditions.map(({ node }) => node), ...nodes.filter(({ role }) => role === 'kind')]
}

function sharesBits(node: Node, id: Node): boolean {
  return node !== id && node.place !== undefined && id.place !== undefined && overlap(node.place, id.place)
}

/** The modes of a protocol. `shared` mixes the requests of many clients, so every request and reply must carry an id we can write. */
export function checkConnections(
  spec: ProtocolSpec,
  plans: readonly VariantPlan[],
  issues: Issues,
): readonly ConnectionMode[] {
  const first = spec.speaksFirst === 'upstream'
  const modes = spec.connections ?? (first ? (['bound'] as const) : (['bound', 'exclusive'] as const))
  const path = ['spec', 'connections']
  const other = first ? modes.find((mode) => mode !== 'bound') : undefined
  if (other)
    issues.error(
      [...path, modes.indexOf(other)],
      `what an upstream says first belongs to one client: ${other} connections have none`,
      'connections: [bound]',
    )
  for (const { kind, ids, name, path: where } of plans) {
    if (!kind.kinds.includes('cancel') || (ids.length > 0 && spec.ordered !== true)) continue
    issues.error(
      [...where, 'message', 'kind'],
      `a frame that ends a request${name ? `, in the variant "${name}",` : ''} has to say which: by its id`,
      spec.ordered === true ? 'leave `ordered` out' : 'message: {id: {at: …, type: u32}}',
    )
  }
  if (!modes.includes('shared')) return modes
  const at = [...path, modes.indexOf('shared')]
  const paired = ['request', 'response', 'either', 'cancel'] as const
  const asks = plans.filter(({ kind }) => kind.kinds.some((name) => (paired as readonly string[]).includes(name)))
  for (const plan of asks) {
    const where = plan.name ? ` in the variant "${plan.name}"` : ''
    if (plan.ids.length === 0) {
      issues.error(
        at,
        `shared connections need a message id, and there is none${where}`,
        'message: {id: {at: …, type: u32}}, or leave shared out',
      )
      continue
    }
    for (const id of plan.ids) {
      const bits = id.number ? plan.idBits : 0
      if (
        !id.patch ||
        !id.writable ||
        id.guarded ||
        id.mask !== 0 ||
        bits === 0 ||
        (id.container && !id.container.elastic)
      ) {
        issues.error(
          at,
          `shared connections need an id that can be written, "${id.name}" cannot${where}: ${obstacle(id)}`,
          leaveOut,
        )
      }
    }
    const vague = [...plan.selectors, ...plan.kind.conditions].find(({ node, plain }) => node.role === 'id' && !plain)
    const decided = decidedBy(plan).find((node) => plan.ids.some((id) => sharesBits(node, id)))
    if (decided) {
      issues.error(
        at,
        `"${decided.name}" lies in the id and says what the frame is${where}, and shared connections give other ids`,
        leaveOut,
      )
    } else if (vague) {
      issues.error(
        at,
        `what a message is hangs on bits or a range of its id (${vague.source})${where}, and shared connections give other ids`,
        'name single ids in the condition, or leave shared out',
      )
    } else if (plan.idCount - new Set([0, ...plan.reservedIds]).size < 1) {
      issues.error(at, `every id is reserved${where}: none is left for requests on shared connections`)
    }
  }
  if (asks.length === 0) issues.error(at, 'shared connections need requests and replies, and no kind is one')
  if (plans.some(({ kind }) => kind.kinds.includes('handshake'))) {
    issues.error(
      at,
      'a handshake belongs to one connection; a protocol that has one cannot share connections',
      'connections: [bound]',
    )
  }
  return modes
}
