import * as z from 'zod'
import { checkDocument } from '../../../codecs/document.ts'
import { protocolSpec as layoutSpec } from '../../../codecs/layout/schema.ts'
import type { KindDefinition } from '../kind.ts'
import { message, optional } from '../schema.ts'
import { bool, text } from '../syntax/values.ts'

/** A part of a wire layout; the layout compiler checks it in full, so any layout word is accepted here. */
const layout = z.record(z.string(), z.unknown())

const protocolSpec = message({
  description: optional(text, 'One sentence.'),
  frame: optional(layout, 'How frames are cut: the length, check values and the largest frame.'),
  message: optional(layout, 'Where kind, id, status and timeout of a message are.'),
  fields: optional(z.record(z.string(), layout), 'Named fields that routes can read.'),
  variants: optional(z.array(layout), 'Layouts that differ by a field; the first whose `when` holds counts.'),
  reply: optional(z.record(z.string(), z.unknown()), 'Frames the proxy makes: error, heartbeat, goaway, ping.'),
  connections: optional(
    z.array(z.enum(['shared', 'bound', 'exclusive'])).min(1),
    'Ways upstream connections may be used, the preferred one first.',
    { default: '["bound", "exclusive"]' },
  ),
  ordered: optional(bool, 'Replies come in the order of the requests and need no id.', { default: 'false' }),
  speaksFirst: optional(
    z.enum(['client', 'upstream']),
    'Who says the first word. `upstream`: it is chosen when a client comes, by a route without `match`, and stays its own; connections are bound.',
    { default: 'client' },
  ),
  trace: optional(text, 'The field with the trace of a request: `traceparent` as text, or a trace id; or `map.key`.'),
  module: optional(
    text,
    'A codec in code, beside this file, that adds to the layout or takes its place. Proxies are started with it (`--codec`); it is never sent to them.',
  ),
})
export type ProtocolSpec = z.infer<typeof protocolSpec>

export const protocol: KindDefinition<ProtocolSpec> = {
  kind: 'Protocol',
  group: 'meshgate.io',
  versions: ['v1'],
  doc: 'A private binary protocol as data: frames, fields and replies.',
  compiled: true,
  specRequired: true,
  schema: protocolSpec,
  editors: layoutSpec,
  check(spec, { name }, report, file) {
    const { module, ...rest } = spec
    if (module !== undefined && spec.frame === undefined) return
    const document = { apiVersion: 'meshgate.io/v1', kind: 'Protocol', metadata: { name }, spec: rest }
    const { issues } = checkDocument(document, file)
    for (const { severity, path, message: text, hint } of issues)
      report(path, text, {
        ...(severity === 'warning' && { code: 'FIELD_QUESTIONABLE' as const }),
        ...(hint !== undefined && { hint }),
      })
  },
}
