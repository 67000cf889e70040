import { type ConnectionMode, sharedIdBits } from '../contract.ts'
import type { Issues } from './issue.ts'
import type { ProtocolSpec } from './schema.ts'
import type { VariantPlan } from './variant.ts'

const leaveOut = 'leave shared out: connections: [bound, exclusive]'

/** Why an id cannot be written. */
function obstacle({ writable, guarded, mask, container }: VariantPlan['ids'][number]): string {
  if (guarded) return 'it is not in every frame (`when`)'
  if (mask !== 0) return 'it is some bits of a number'
  if (container && !container.elastic) return `nothing says how long "${container.name}" is, so it cannot change`
  return writable ? 'it is no number' : 'it is `writable: false`'
}

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
  let narrow = false
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
      } else if (bits < sharedIdBits) {
        narrow = true
        const message = `shared connections need an id of ${sharedIdBits} bits, "${id.name}" has ${bits}${where}: replies that come late would meet other requests`
        // Where nothing else is possible the document says what cannot be; else the proxy takes the next mode.
        if (modes.length === 1) issues.error(at, message, leaveOut)
        else issues.warning(at, `${message}; ${modes.find((mode) => mode !== 'shared')} is used instead`, leaveOut)
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
  return narrow ? modes.filter((mode) => mode !== 'shared') : modes
}
