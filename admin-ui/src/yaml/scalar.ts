import { WrittenNumber } from './data.ts'

export type Quote = 'single' | 'double'

export interface ScalarContext {
  /** Inside `[]` or `{}`, where brackets and commas end a plain scalar. */
  readonly flow: boolean
  /** The quotes this document uses when it needs some. */
  readonly quote: Quote
  /** How the old value at this place was quoted: a string keeps it. */
  readonly keep?: Quote | undefined
}

/**
 * A scalar on one line. Strings are quoted whenever a reader of YAML 1.1 (go-yaml, and with it Kubernetes, istioctl and kubectl) or of
 * YAML 1.2 would take them for something else. https://yaml.org/type/ and https://yaml.org/spec/1.2.2/#chapter-7-flow-style-productions
 */
export function renderScalar(value: unknown, context: ScalarContext): string {
  if (typeof value === 'string') return renderString(value, context)
  if (value instanceof WrittenNumber) return value.source
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return '.nan'
    if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
    return Object.is(value, -0) ? '-0' : String(value)
  }
  return value === true ? 'true' : value === false ? 'false' : 'null'
}

function renderString(value: string, { flow, quote, keep }: ScalarContext): string {
  const wanted = keep ?? (plainIsSafe(value, flow) ? undefined : quote)
  if (wanted === undefined) return value
  return wanted === 'single' && !needsEscape.test(value) ? `'${value.replaceAll("'", "''")}'` : doubleQuoted(value)
}

/** Control characters, line breaks of any kind, byte order marks, half surrogate pairs: only double quotes can carry these. */
export const needsEscape = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff\ufffe\uffff]/u

const short: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
}

function doubleQuoted(value: string): string {
  let out = ''
  for (const char of value) {
    const code = char.codePointAt(0)!
    if (short[char]) out += short[char]
    else if (needsEscape.test(char)) out += code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
    else out += char
  }
  return `"${out}"`
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, '0')
}

/** What YAML 1.1 or 1.2 reads as something other than a string when it is not quoted. */
const typed = [
  /^(?:~|null|y|n|yes|no|on|off|true|false|<<|=)$/i,
  /^[-+]?(?:0b[01_]*|0o?[0-7_]*|0x[0-9a-f_]*|[0-9][0-9_]*)$/i,
  /^[-+]?(?:\.[0-9_]+|[0-9][0-9_]*\.?[0-9_]*)(?:e[-+]?[0-9]+)?$/i,
  /^[-+]?[0-9][0-9_]*(?::[0-9]{1,2})+(?:\.[0-9_]*)?$/,
  /^[-+]?\.inf$|^\.nan$/i,
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?$/,
]

/** Whether a string may stand without quotes, in block or in flow context, as a key or as a value. */
export function plainIsSafe(value: string, flow: boolean): boolean {
  if (value === '' || value !== value.trim() || needsEscape.test(value)) return false
  if (/^[,[\]{}#&*!|>'"%@`]/.test(value) || /^[-?:](?:\s|$)/.test(value) || /^(?:---|\.\.\.)(?:\s|$)/.test(value))
    return false
  if (/:(?:\s|$)|\s#/.test(value)) return false
  if (flow && (/[,[\]{}]/.test(value) || /^[-?:]/.test(value))) return false
  return !typed.some((pattern) => pattern.test(value))
}

export interface BlockScalar {
  /** `|`, `|-`, `>` or `>-` */
  readonly header: string
  /** Lines of the body, to be indented; an empty one stays empty. */
  readonly lines: readonly string[]
}

/**
 * A string of several lines as a block scalar, or undefined when quotes are the safer form: when it would need `|+` (which swallows blank
 * lines below), starts with a blank, has lines of blanks only, tabs at a line's start, carriage returns or anything that needs an escape.
 */
export function blockScalar(value: string, style: 'literal' | 'folded' = 'literal'): BlockScalar | undefined {
  if (!value.includes('\n')) return undefined
  const body = value.endsWith('\n') ? value.slice(0, -1) : value
  const chomp = body === value ? '-' : ''
  const lines = body.split('\n')
  if (lines[0] === '' || lines.at(-1) === '' || /^[ \t]/.test(lines[0]!)) return undefined
  if (lines.some((line) => /^\s+$|^\t|[ \t]$/.test(line) || needsEscape.test(line.replaceAll('\t', ' '))))
    return undefined
  if (style === 'folded' && lines.every((line) => !/^[ \t]/.test(line) && line !== '')) {
    return { header: `>${chomp}`, lines: lines.flatMap((line, i) => (i === 0 ? [line] : ['', line])) }
  }
  return { header: `|${chomp}`, lines }
}
