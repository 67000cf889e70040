import { shown } from './host.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/
const PSEUDO = new Set([':method', ':scheme', ':authority', ':path', ':status'])
const CLAIM = '@request.auth.claims'
// Every control character but tab, which Envoy's own rule for header values allows.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about
const VALUE = /^[^\u0000-\u0008\u000A-\u001F\u007F]*$/

/** `@request.auth.claims.group` or `@request.auth.claims[group]`: a claim instead of a header. */
export function isJwtClaim(name: string): boolean {
  if (!name.toLowerCase().startsWith(CLAIM)) return false
  const rest = name.slice(CLAIM.length)
  return (rest.startsWith('.') && rest.length > 1) || (rest.startsWith('[') && rest.endsWith(']') && rest.length > 2)
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'a header name must not be empty'
  return TOKEN.test(name) ? undefined : `${shown(name)} is no header name`
}

/** The name in a header match: a header, a pseudo header or a JWT claim. */
export function matchHeaderProblem(name: string): string | undefined {
  return isJwtClaim(name) || PSEUDO.has(name) ? undefined : nameProblem(name)
}

/** A header name in a CORS policy; `*` is allowed. */
export function corsHeaderProblem(name: string): string | undefined {
  return name === '*' ? undefined : nameProblem(name)
}

/** Whether a header says the authority: `:authority`, or `host`, which is the same to Envoy. */
export function isAuthorityHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return lower === ':authority' || lower === 'host'
}

/** A header that a request may be given: no pseudo header but the authority. */
export function requestHeaderProblem(name: string): string | undefined {
  if (name === '') return 'a header name must not be empty'
  return name.startsWith(':') && !isAuthorityHeader(name) ? `header ${shown(name)} must not start with ":"` : undefined
}

/** A header that may be removed, or changed in a response: neither Host nor a pseudo header. */
export function plainHeaderProblem(name: string): string | undefined {
  if (name === '') return 'a header name must not be empty'
  if (name.toLowerCase() === 'host') return `header ${shown(name)} cannot be changed here`
  return name.startsWith(':') ? `header ${shown(name)} must not start with ":"` : undefined
}

/** A header value in Envoy's format language: `%VARIABLE%` and `%VARIABLE(argument)%`, a literal percent sign is `%%`. */
export function headerValueProblem(value: string): string | undefined {
  if (!VALUE.test(value)) return `header value ${shown(value)} has a control character`
  let at = 0
  while (at < value.length) {
    if (value[at] !== '%') {
      at++
    } else if (value[at + 1] === '%') {
      at += 2
    } else {
      const end = variableEnd(value, at + 1)
      if (typeof end === 'string') return `header value ${shown(value)}: ${end}`
      at = end
    }
  }
  return undefined
}

/** The place behind the closing % of a variable whose name starts at `at`, or what is wrong. */
function variableEnd(value: string, at: number): number | string {
  if (at >= value.length) return 'a percent sign must be doubled (%%)'
  let index = at
  while (index < value.length && value[index] !== '%' && value[index] !== '(') index++
  if (index >= value.length) return 'a variable has no closing %; a literal percent sign must be doubled (%%)'
  if (value[index] === '%') return index + 1
  index = argumentsEnd(value, index + 1)
  if (index < 0) return 'the arguments of a variable are malformed or not closed'
  while (value[index] === ' ') index++
  return value[index] === '%' ? index + 1 : 'a closing % is needed behind the arguments of a variable'
}

/** The place behind the closing parenthesis, -1 when there is none. Arguments are plain text or a JSON list of strings. */
function argumentsEnd(value: string, at: number): number {
  let index = at
  while (value[index] === ' ') index++
  const list = value[index] === '['
  if (!list) {
    for (; index < value.length; index++) {
      if (value[index] === '\\') index++
      else if (value[index] === ')') return index + 1
    }
    return -1
  }
  index++
  for (;;) {
    while (value[index] === ' ') index++
    if (value[index] !== '"') return -1
    for (index++; index < value.length && value[index] !== '"'; index++) {
      if (value[index] === '\\') index++
      else if (value[index] === ')') return index + 1
    }
    if (index >= value.length) return -1
    index++
    while (value[index] === ' ') index++
    if (value[index] === ',') index++
    else if (value[index] === ']') break
    else return -1
  }
  index++
  while (value[index] === ' ') index++
  return value[index] === ')' ? index + 1 : -1
}
