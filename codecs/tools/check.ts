import type { Codec } from '../contract.ts'
import { type CheckedProtocol, checkProtocols, type LocatedIssue } from '../document.ts'

export interface CheckReport {
  readonly protocols: readonly CheckedProtocol[]
  readonly errors: number
  readonly warnings: number
}

/** Checks every Protocol document in a YAML text that lies in `file`. A text without one is an error. */
export function checkProtocol(text: string, file?: string): CheckReport {
  const protocols = checkProtocols(text, file)
  const none: CheckedProtocol = {
    name: '',
    issues: [
      {
        severity: 'error',
        path: [],
        message: 'there is no Protocol document here',
        hint: 'kind: Protocol',
        line: 1,
        column: 1,
      },
    ],
  }
  const list = protocols.length > 0 ? protocols : [none]
  const issues = list.flatMap((protocol) => protocol.issues)
  return {
    protocols: list,
    errors: issues.filter(({ severity }) => severity === 'error').length,
    warnings: issues.filter(({ severity }) => severity === 'warning').length,
  }
}

/** `file:line:column: error: message (at spec.frame.max)`, the hint below. */
export function printIssue(file: string, { line, column, severity, message, path, hint }: LocatedIssue): string {
  const place = path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text ? `${text}.${step}` : step),
    '',
  )
  return `${file}:${line}:${column}: ${severity}: ${message}${place ? ` (at ${place})` : ''}${hint ? `\n    → ${hint}` : ''}`
}

/** What a codec can do, for people: sizes, modes, and its fields. */
export function printSummary(codec: Codec): string {
  const reserved = codec.reservedIds ? `, never ${codec.reservedIds.join(', ')}` : ''
  const ids =
    codec.idBits > 0
      ? `${codec.idBits} bits${codec.spliceId ? ', may change the length' : ', in place'}${reserved}`
      : codec.ordered
        ? 'none, replies in order'
        : 'none'
  const { upstream } = codec
  return [
    `${codec.name}: frames of ${codec.headerMin} to ${codec.maxFrame} bytes, connections ${codec.modes.join(', ')}${codec.speaksFirst ? '; the upstream speaks first, and a route without `match` chooses it' : ''}`,
    `  message id: ${ids}; own frames: ${codec.replies.join(', ') || 'none'}`,
    ...((upstream ?? codec).parted ? ['  replies of several frames'] : []),
    ...(upstream ? ['  from the client:'] : []),
    ...printFields(codec),
    ...(upstream ? [`  from the upstream (${upstream.headerMin} to ${upstream.maxFrame} bytes):`] : []),
    ...(upstream ? printFields(upstream) : []),
  ].join('\n')
}

function printFields({ fields }: Codec): readonly string[] {
  const names = Math.max(...fields.map(({ name }) => name.length), 4)
  return fields.map(({ name, type, writable, role, doc }) => {
    const marks = [role && role !== name ? role : undefined, writable ? 'writable' : undefined]
      .filter(Boolean)
      .join(', ')
    return `  ${name.padEnd(names)}  ${type.padEnd(6)}  ${marks}${doc ? `${marks ? '  ' : ''}${doc}` : ''}`.trimEnd()
  })
}
