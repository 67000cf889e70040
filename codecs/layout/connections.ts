import type { ConnectionMode } from '../contract.ts'
import type { Issues } from './issue.ts'
import type { ProtocolSpec } from './schema.ts'
import type { VariantPlan } from './variant.ts'

/** The modes of a protocol. `shared` mixes the requests of many clients, so every request and reply must carry an id we can write. */
export function checkConnections(
  spec: ProtocolSpec,
  plans: readonly VariantPlan[],
  issues: Issues,
): readonly ConnectionMode[] {
  const modes = spec.connections ?? (['bound', 'exclusive'] as const)
  const path = ['spec', 'connections']
  if (!modes.includes('shared')) return modes
  const at = [...path, modes.indexOf('shared')]
  const paired = ['request', 'response', 'either'] as const
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
      const bits = id.number?.form === 'int' || id.number?.form === 'varint' ? plan.idBits : 0
      if (
        !id.patch ||
        !id.writable ||
        id.guarded ||
        id.mask !== 0 ||
        bits === 0 ||
        (id.container && !id.container.elastic)
      ) {
        issues.error(at, `shared connections need an id that can be written, "${id.name}" cannot${where}`)
      } else if (bits < 16) {
        issues.warning(id.path, `an id of ${bits} bits allows ${2 ** bits} requests in flight on a shared connection`)
      }
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
