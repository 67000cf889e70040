import { isIP, isIPv4, isIPv6 } from 'node:net'
import { type DescField, type DescMessage, type DescOneof, getExtension, type Message } from '@bufbuild/protobuf'
import { RE2JS } from 're2js'
import { fullRegistry } from '../../../proto/registry.ts'
import { fqdnProblem } from '../syntax/host.ts'

/**
 * The rules that Envoy's API states beside its fields (protoc-gen-validate, option `validate.rules`), read from the descriptors as data.
 * https://github.com/bufbuild/protoc-gen-validate
 */

/** Values a rule can be about: integers as bigint (durations and timestamps in nanoseconds), the rest as JavaScript has them. */
export type RuleValue = string | number | bigint | boolean

/** A rule message with only the fields that are really set. */
export type Rules = Readonly<Record<string, unknown>>

export interface FieldRules {
  /** `string`, `uint32`, `repeated`, `map`, `any`, `duration`, `message` and so on. */
  readonly kind: string
  readonly rules: Rules
  readonly required: boolean
  /** The sub-message is not checked. */
  readonly skip: boolean
}

const cache = new WeakMap<DescField, FieldRules | null>()

function extension(name: string) {
  const found = fullRegistry().getExtension(name)
  if (!found) throw new Error(`the descriptors lack the option ${name}: run "npm run proto"`)
  return found
}

function setFields(message: unknown): Rules {
  // Unset proto2 fields live on the prototype as defaults; only own fields were written.
  return { ...(message as Record<string, unknown>) }
}

/** The rules of a field, or undefined when it has none. */
export function fieldRules(field: DescField): FieldRules | undefined {
  const known = cache.get(field)
  if (known !== undefined) return known ?? undefined
  const found = readRules(field)
  cache.set(field, found ?? null)
  return found
}

function readRules(field: DescField): FieldRules | undefined {
  const options = field.proto.options
  if (!options) return undefined
  const value = getExtension(options, extension('validate.rules')) as unknown as {
    readonly type: { readonly case?: string; readonly value?: unknown }
    readonly message?: Message
  }
  return fromRuleMessage(value)
}

/** The same for the items of a list and for the keys and values of a map, whose rules are nested. */
export function fromRuleMessage(value: unknown): FieldRules | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { type, message } = value as { type?: { case?: string; value?: unknown }; message?: unknown }
  const general = message === undefined ? {} : setFields(message)
  const rules = type?.case === undefined ? {} : setFields(type.value)
  if (type?.case === undefined && message === undefined) return undefined
  return {
    kind: type?.case ?? 'message',
    rules,
    required: general['required'] === true || rules['required'] === true,
    skip: general['skip'] === true,
  }
}

const flags = new WeakMap<DescOneof | DescMessage, boolean>()

function flag(desc: DescOneof | DescMessage, option: string): boolean {
  const known = flags.get(desc)
  if (known !== undefined) return known
  const options = desc.proto.options
  const set = options !== undefined && getExtension(options as Message, extension(option)) === true
  flags.set(desc, set)
  return set
}

/** Whether one field of the oneof must be set. */
export function oneofRequired(oneof: DescOneof): boolean {
  return flag(oneof, 'validate.required')
}

/** Whether the message opts out of all rules. */
export function rulesDisabled(desc: DescMessage): boolean {
  return flag(desc, 'validate.disabled')
}

const NANOS = 1_000_000_000n

function nanoseconds(value: unknown): RuleValue {
  const { seconds, nanos } = value as { seconds: bigint; nanos: number }
  return seconds * NANOS + BigInt(nanos)
}

/** A limit of a rule in the form of the values it is compared with. */
function limit(value: unknown, kind: string): RuleValue {
  if (kind === 'duration' || kind === 'timestamp') return nanoseconds(value)
  if (typeof value === 'number' && kind !== 'float' && kind !== 'double') return BigInt(value)
  return value as RuleValue
}

function shownLimit(value: RuleValue, kind: string): string {
  if (kind === 'duration' && typeof value === 'bigint') return `${Number(value) / 1e9}s`
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

/** What is wrong with a single value, by its rules; undefined when nothing is. */
export function valueProblem(value: RuleValue, { kind, rules }: FieldRules): string | undefined {
  if (rules['ignoreEmpty'] === true && (value === '' || value === 0n || value === 0 || value === false))
    return undefined
  return (
    commonProblem(value, kind, rules) ??
    (kind === 'string' ? stringProblem(value as string, rules) : undefined) ??
    (kind === 'bytes' ? bytesProblem(value as string, rules) : undefined)
  )
}

function commonProblem(value: RuleValue, kind: string, rules: Rules): string | undefined {
  const constant = rules['const']
  if (constant !== undefined && value !== limit(constant, kind))
    return `must be ${shownLimit(limit(constant, kind), kind)}`
  const allowed = (rules['in'] as readonly unknown[] | undefined) ?? []
  if (allowed.length > 0 && !allowed.some((item) => limit(item, kind) === value))
    return `must be one of ${allowed.map((item) => shownLimit(limit(item, kind), kind)).join(', ')}`
  const forbidden = (rules['notIn'] as readonly unknown[] | undefined) ?? []
  if (forbidden.some((item) => limit(item, kind) === value)) return `must not be ${shownLimit(value, kind)}`
  return rangeProblem(value, kind, rules)
}

function rangeProblem(value: RuleValue, kind: string, rules: Rules): string | undefined {
  const bound = (name: string) => (rules[name] === undefined ? undefined : limit(rules[name], kind))
  const [lt, lte, gt, gte] = [bound('lt'), bound('lte'), bound('gt'), bound('gte')]
  const low = gt === undefined ? (gte === undefined ? undefined : value >= gte) : value > gt
  const high = lt === undefined ? (lte === undefined ? undefined : value <= lte) : value < lt
  const lowText = gt === undefined ? `at least ${shownLimit(gte ?? 0n, kind)}` : `greater than ${shownLimit(gt, kind)}`
  const highText = lt === undefined ? `at most ${shownLimit(lte ?? 0n, kind)}` : `less than ${shownLimit(lt, kind)}`
  const lower = gt ?? gte
  const upper = lt ?? lte
  if (low !== undefined && high !== undefined && lower! > upper!)
    return low || high ? undefined : `must be ${highText} or ${lowText}`
  if (low === false) return `must be ${lowText}`
  return high === false ? `must be ${highText}` : undefined
}

function lengthProblem(
  length: number,
  what: string,
  names: readonly [string, string, string],
  rules: Rules,
): string | undefined {
  const [exact, min, max] = names.map((name) => (rules[name] === undefined ? undefined : Number(rules[name])))
  if (exact !== undefined && length !== exact) return `must have ${exact} ${what}, not ${length}`
  if (min !== undefined && length < min)
    return min === 1 && length === 0 ? 'must not be empty' : `must have at least ${min} ${what}`
  return max !== undefined && length > max ? `must have at most ${max} ${what}` : undefined
}

/** `HTTP_HEADER_NAME` and `HTTP_HEADER_VALUE` of protoc-gen-validate, each strict and (only NUL, CR, LF are wrong) lax. */
const HEADER_NAME = /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about
const HEADER_VALUE = /^[^\u0000-\u0008\u000A-\u001F\u007F]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about
const LAX = /^[^\u0000\u000A\u000D]*$/

const WELL_KNOWN: Readonly<Record<string, readonly [what: string, test: (value: string) => boolean]>> = {
  email: ['an e-mail address', (value) => /^[^@\s]+@[^@\s]+$/.test(value)],
  hostname: ['a host name', (value) => fqdnProblem(value) === undefined],
  ip: ['an IP address', (value) => isIP(value) !== 0],
  ipv4: ['an IPv4 address', (value) => isIPv4(value)],
  ipv6: ['an IPv6 address', (value) => isIPv6(value)],
  uri: ['a URI', (value) => URL.canParse(value)],
  uriRef: ['a URI reference', (value) => URL.canParse(value, 'http://base/')],
  address: ['a host name or an IP address', (value) => isIP(value) !== 0 || fqdnProblem(value) === undefined],
  uuid: ['a UUID', (value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)],
}

const patterns = new Map<string, RE2JS>()

function matchesPattern(pattern: string, value: string): boolean {
  const compiled = patterns.get(pattern) ?? RE2JS.compile(pattern)
  patterns.set(pattern, compiled)
  return compiled.matcher(value).find()
}

function stringProblem(value: string, rules: Rules): string | undefined {
  const text = (name: string) => rules[name] as string | undefined
  const problem =
    lengthProblem([...value].length, 'characters', ['len', 'minLen', 'maxLen'], rules) ??
    lengthProblem(Buffer.byteLength(value), 'bytes', ['lenBytes', 'minBytes', 'maxBytes'], rules)
  if (problem) return problem
  const [prefix, suffix, contains, excludes, pattern] = ['prefix', 'suffix', 'contains', 'notContains', 'pattern'].map(
    text,
  )
  if (prefix !== undefined && !value.startsWith(prefix)) return `must start with ${JSON.stringify(prefix)}`
  if (suffix !== undefined && !value.endsWith(suffix)) return `must end with ${JSON.stringify(suffix)}`
  if (contains !== undefined && !value.includes(contains)) return `must contain ${JSON.stringify(contains)}`
  if (excludes !== undefined && value.includes(excludes)) return `must not contain ${JSON.stringify(excludes)}`
  if (pattern !== undefined && !matchesPattern(pattern, value)) return `must match ${pattern}`
  return wellKnownProblem(value, rules)
}

function wellKnownProblem(value: string, rules: Rules): string | undefined {
  const known = rules['wellKnown'] as { readonly case?: string; readonly value?: unknown } | undefined
  if (known?.case === undefined) return undefined
  if (known.case !== 'wellKnownRegex') {
    const [what, test] = WELL_KNOWN[known.case] ?? ['', () => true]
    return known.value === true && !test(value) ? `must be ${what}` : undefined
  }
  const strict = rules['strict'] !== false
  const name = known.value === 1
  const right = strict ? (name ? HEADER_NAME : HEADER_VALUE).test(value) : LAX.test(value)
  return right ? undefined : `must be a valid HTTP header ${name ? 'name' : 'value'}`
}

function bytesProblem(base64: string, rules: Rules): string | undefined {
  return lengthProblem(Buffer.from(base64, 'base64').length, 'bytes', ['len', 'minLen', 'maxLen'], rules)
}

/** What is wrong with the number of items of a list or entries of a map. */
export function countProblem(count: number, { kind, rules }: FieldRules): string | undefined {
  if (rules['ignoreEmpty'] === true && count === 0) return undefined
  const names = kind === 'map' ? (['', 'minPairs', 'maxPairs'] as const) : (['', 'minItems', 'maxItems'] as const)
  return lengthProblem(count, kind === 'map' ? 'entries' : 'items', names, rules)
}
