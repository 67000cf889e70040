import { emptyRef } from '../contract.ts'
import { hessianBytes } from './hessian.ts'
import type { IssuePath } from './issue.ts'
import { didYouMean } from './names.ts'
import { joinBytes, type Node, roundUp, textBytes } from './node.ts'
import { halvesOf, numberBytes, varintBytes } from './numbers.ts'
import type { Offset } from './offset.ts'
import type { TemplateItem, TemplateSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { encodePrefixed } from './text-node.ts'
import { minBytes, type NumberType, parseType } from './types.ts'

/** What a template is filled from. */
interface Source {
  readonly b: Uint8Array
  readonly at: number
  readonly limit: number
  readonly code: number
  readonly message: string
}

/** `before`: bytes of the items in front of it. */
type Part = (source: Source, before: number) => Uint8Array | undefined

/** A frame of our own before ids, set fields and lengths are written into it. */
export interface Draft {
  readonly frame: Uint8Array
  readonly bodyLength: number
}

export interface Template {
  readonly draft: (b: Uint8Array, at: number, limit: number, code: number, message: string) => Draft | undefined
  readonly set: readonly { readonly name: string; readonly value: number | string }[]
  /** Starts with bytes of its own, so that the request's id has to be written in. */
  readonly literal: boolean
}

/** What a frame made of a template starts with. */
export interface Header {
  /** Bytes of the request that are copied unless said. */
  readonly header: number
  /** No frame of the layout it will have is shorter, because of these fields. */
  readonly least: number
  readonly nodes: readonly Node[]
}

/** `scope` are the fields of the request, `known` of all layouts the reply may have. */
export function compileTemplate(
  scope: Scope,
  spec: TemplateSpec,
  path: IssuePath,
  frame: Header,
  known: readonly Scope[],
): Template | undefined {
  const head = prefixOf(scope, spec, path, frame)
  const body = partsOf(scope, bodyItems(spec), [...path, 'body'])
  const set = Object.entries(spec.set ?? {}).map(([name, value]) => ({ name, value }))
  for (const { name, value } of set) {
    checkSet(known, name, value, [...path, 'set', name])
    if (head?.copied) checkReach(known, name, head.copied, leastBytes(bodyItems(spec)), [...path, 'set', name])
  }
  if (!head || !body) return undefined
  return {
    literal: head.literal,
    set,
    draft: (b, at, limit, code, message) => {
      const source = { b, at, limit, code, message }
      const start = head.part(source, 0)
      const rest = start && body(source, 0)
      return rest && { frame: joinBytes(start, rest), bodyLength: rest.length }
    },
  }
}

function bodyItems({ body = [] }: TemplateSpec): readonly TemplateItem[] {
  return typeof body === 'string' ? body.split(',').map((item) => item.trim()) : body
}

/** Bytes a body has whatever is filled in. */
function leastBytes(items: readonly TemplateItem[]): number {
  return items.reduce((sum, item) => sum + leastOf(item), 0)
}

function leastOf(item: TemplateItem): number {
  if (typeof item !== 'string') {
    const [[key, inner] = ['', []]] = Object.entries(item)
    return (key === '' ? 0 : leastOf(key)) + leastBytes(inner)
  }
  const [word = ''] = item.split(' ', 1)
  if (word === 'hex') return hex(item.slice(word.length))?.length ?? 0
  const type = parseType(word)
  if (!type || type.form === 'map') return 0
  if (type.form === 'hessian') return 1
  if (type.form !== 'text') return minBytes(type)
  return type.ends?.length ?? (type.prefix ? minBytes(type.prefix) : 0)
}

function prefixOf(
  scope: Scope,
  spec: TemplateSpec,
  path: IssuePath,
  { header, least, nodes }: Header,
): { readonly part: Part; readonly literal: boolean; readonly copied?: Offset } | undefined {
  const { from = 'request', bytes } = spec
  if (from !== 'request') {
    const literal = hex(from.replace(/^hex\b/, ''))
    if (!literal || !from.startsWith('hex')) {
      scope.issues.error(
        [...path, 'from'],
        `"${from}" is neither request nor hex digits`,
        'from: request, or from: hex 0102ff',
      )
      return undefined
    }
    if (bytes !== undefined)
      scope.issues.error([...path, 'bytes'], '"bytes" counts bytes of the request; this starts with hex')
    return { part: () => literal, literal: true }
  }
  const expression = scope.expression(bytes ?? header, [...path, 'bytes'])
  const offset = expression && scope.offset(expression, [...path, 'bytes'])
  if (!offset) return undefined
  const body = leastBytes(bodyItems(spec))
  if (offset.min + body < least) {
    const beyond = nodes.filter(({ required, minEnd }) => required && minEnd > offset.min).map(({ name }) => name)
    const behind = body > 0 ? ` and puts ${body} behind them` : ''
    scope.issues.error(
      [...path, 'bytes'],
      `the reply copies ${offset.min} bytes of the request${behind}, its header takes ${least}: the frame would be shorter than its header`,
      `copy ${least}, or say of what replies do not have when it is there (\`when\`, or \`optional: true\`): ${beyond.join(', ')}`,
    )
    return undefined
  }
  const { position } = offset
  const part: Part = ({ b, at, limit }) => {
    const end = position(b, at, limit)
    return end < 0 ? undefined : b.slice(at, end)
  }
  return { part, literal: false, copied: offset }
}

function checkSet(known: readonly Scope[], name: string, value: number | string, path: IssuePath): void {
  const nodes = known.flatMap((scope) => (scope.declarations.has(name) ? (scope.node(name) ?? []) : []))
  const { issues } = known[0]!
  if (!known.some((scope) => scope.declarations.has(name))) {
    const names = [...new Set(known.flatMap((scope) => [...scope.declarations.keys()]))]
    issues.error(path, `there is no field "${name}" to set`, didYouMean(name, names))
    return
  }
  if (typeof value === 'string' && value !== 'body' && value !== 'code') {
    const named = nodes.some((node) => node.values?.has(value))
    if (nodes.length > 0 && !named && nodes.every((node) => node.number)) {
      const values = nodes.flatMap((node) => [...(node.values?.keys() ?? [])])
      issues.error(path, `"${value}" is no value of "${name}"`, didYouMean(value, [...values, 'body', 'code']))
    }
  }
}

/** What is set must stand in the bytes that are copied, or in what the body has for certain: else there would be no reply at all. */
function checkReach(known: readonly Scope[], name: string, copied: Offset, body: number, path: IssuePath): void {
  const nodes = known.flatMap((scope) => (scope.declarations.has(name) ? (scope.node(name) ?? []) : []))
  const most = copied.constant + body
  const beyond = nodes.every(
    ({ place, container }) =>
      !container &&
      place?.anchor === copied.anchor &&
      Number.isFinite(place.bytes) &&
      place.offset + place.bytes > most,
  )
  if (nodes.length === 0 || !beyond) return
  known[0]!.issues.error(
    path,
    `"${name}" stands behind what the reply copies of the request, so it cannot be set there`,
    'copy more, or write it as the first item of the body, as `body: [u8 code, str message]`',
  )
}

/** The value to write for `value` of a template's `set`. */
export function setValue(node: Node, value: number | string, draft: Draft, code: number): number | string {
  if (value === 'body') return draft.bodyLength
  if (value === 'code') return code
  if (typeof value === 'string') return node.values?.get(value)?.[0] ?? value
  return value
}

function partsOf(scope: Scope, items: readonly TemplateItem[], path: IssuePath): Part | undefined {
  const parts = items.map((item, i) => partOf(scope, item, [...path, i]))
  if (!parts.every((part) => part !== undefined)) return undefined
  return (source) => {
    const made: Uint8Array[] = []
    let length = 0
    for (const part of parts) {
      const bytes = part(source, length)
      if (!bytes) return undefined
      made.push(bytes)
      length += bytes.length
    }
    return joinBytes(...made)
  }
}

function partOf(scope: Scope, item: TemplateItem, path: IssuePath): Part | undefined {
  if (typeof item !== 'string') return sizedPart(scope, item, path)
  const [word = '', rest = ''] = [item.split(' ', 1)[0], item.slice(item.indexOf(' ') + 1).trim()]
  const argument = item.includes(' ') ? rest : ''
  if (word === 'hex') {
    const bytes = hex(argument)
    if (bytes) return () => bytes
    scope.issues.error(path, `"${argument}" are no pairs of hex digits`)
    return undefined
  }
  if (word === 'align') {
    const align = Number(argument)
    if (Number.isInteger(align) && align >= 2 && align <= 256) {
      return (_, before) => new Uint8Array(roundUp(before, align) - before)
    }
    scope.issues.error(path, `"${argument}" is no number of bytes to fill the body up to`, 'align 4')
    return undefined
  }
  if (word === 'text') {
    const bytes = textBytes(argument)
    return () => bytes
  }
  const value = sourceOf(scope, argument, path)
  if (!value) return undefined
  if (word === 'json') return (source) => textBytes(JSON.stringify(asText(value(source))))
  if (word === 'dec') return (source) => textBytes(asText(value(source)))
  const type = parseType(word)
  if (type?.form === 'hessian') return (source) => hessianBytes(asText(value(source)))
  if (type?.form === 'text' && (type.prefix || type.ends)) {
    return (source) => {
      const text = value(source)
      return text === undefined
        ? encodePrefixed(type, '')
        : encodePrefixed(type, text instanceof Uint8Array ? text : asText(text))
    }
  }
  if (type?.form === 'text') return (source) => textBytes(value(source) ?? '')
  if (type?.form === 'map' || !type) {
    scope.issues.error(
      path,
      `"${word}" cannot start an item of a body`,
      'items: u32 code, str(u16) message, hex 00ff, text abc, json message',
    )
    return undefined
  }
  return (source) => encodeNumber(type, value(source))
}

function sizedPart(scope: Scope, item: Exclude<TemplateItem, string>, path: IssuePath): Part | undefined {
  const entries = Object.entries(item)
  const [key = '', items = []] = entries[0] ?? []
  const match = /^(\S+) size$/.exec(key)
  const type = match ? parseType(match[1]!) : undefined
  if (entries.length !== 1 || !type || type.form === 'text' || type.form === 'hessian' || type.form === 'map') {
    scope.issues.error(path, `"${key}" is no length in front of items`, 'leb128 size: [hex 08, leb128 code]')
    return undefined
  }
  const inner = partsOf(scope, items, [...path, key])
  return (
    inner &&
    ((source) => {
      const bytes = inner(source, 0)
      const length = bytes && numberBytes(type, bytes.length, 0)
      return bytes && length && joinBytes(length, bytes)
    })
  )
}

type Value = number | bigint | string | Uint8Array | undefined

function sourceOf(scope: Scope, name: string, path: IssuePath): ((source: Source) => Value) | undefined {
  if (name === 'code') return ({ code }) => code
  if (name === 'message') return ({ message }) => message
  if (/^-?(0x[\da-f]+|\d+)$/i.test(name)) {
    const number = Number(name)
    return () => number
  }
  if (name === '') {
    scope.issues.error(
      path,
      'an item is a type and what to write',
      'u32 code, str(u16) message, or a field of the request: u32 id',
    )
    return undefined
  }
  const node = scope.resolve(name, path)
  if (!node) return undefined
  const ref = emptyRef()
  return ({ b, at, limit }) => {
    if (!node.read(b, at, limit, ref)) return node.number ? 0 : undefined
    if (!node.number) return b.subarray(ref.start, ref.end)
    const bits = (BigInt(ref.hi >>> 0) << 32n) | BigInt(ref.lo >>> 0)
    return node.signed ? BigInt.asIntN(64, bits) : bits
  }
}

function asText(value: Value): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value ?? '')
}

/** A number in its type; one that is too large for a varint or the type makes no reply rather than a wrong one. */
function encodeNumber(type: NumberType, value: Value): Uint8Array | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  const halves = halvesOf(value)
  if (!halves) return undefined
  // A 32-bit id read from a signed field fits an unsigned one: the bits are what counts.
  if (type.form === 'varint' && type.coding === 'leb128' && type.bits === 32) return varintBytes(halves.lo, 0)
  if (type.form === 'int' && type.bytes === 4) return numberBytes({ ...type, signed: true }, halves.lo, halves.lo >> 31)
  return numberBytes(type, halves.lo, halves.hi)
}

function hex(text: string): Uint8Array | undefined {
  const digits = text.replace(/[\s_]/g, '')
  if (digits.length % 2 !== 0 || !/^[\da-f]*$/i.test(digits)) return undefined
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
