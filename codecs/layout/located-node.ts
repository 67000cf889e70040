import type { FieldInfo } from '../contract.ts'
import type { Expression } from './expression.ts'
import { hessianText } from './hessian.ts'
import type { IssuePath, Issues } from './issue.ts'
import { mapNode } from './map-node.ts'
import { namedValues } from './named-values.ts'
import { type Node, type Place, type Position, roundUp } from './node.ts'
import { numberAccess } from './number-node.ts'
import { BAD } from './numbers.ts'
import type { Offset } from './offset.ts'
import type { FieldSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { type Placed, sizedRegion } from './sized-node.ts'
import { endedText, prefixedText } from './text-node.ts'
import {
  isVariable,
  largest,
  minBytes,
  type NumberType,
  parseType,
  type TextType,
  type TypeInfo,
  typeHint,
  typeNames,
} from './types.ts'
import { within } from './wrap.ts'

/** A field at an offset of the frame, or of a container. */
export function locatedNode(
  scope: Scope,
  name: string,
  spec: FieldSpec,
  path: IssuePath,
  role: FieldInfo['role'],
): Node | undefined {
  const written = parseType(spec.type ?? '')
  const type = written?.form === 'decimal' && spec.in !== undefined ? { ...written, closed: true as const } : written
  if (!type) {
    if (spec.type === undefined) scope.issues.error(path, `"${name}" has no type`, `types are: ${typeNames}`)
    else scope.issues.error([...path, 'type'], `there is no type "${spec.type}"`, typeHint(spec.type))
    return undefined
  }
  const container = spec.in === undefined ? undefined : scope.resolve(spec.in, [...path, 'in'])
  if (spec.in !== undefined && !container) return undefined
  const source = offsetOf(scope, name, spec, path)
  const offset = source && scope.offset(source.expression, source.path, container)
  if (!offset) return undefined
  checkValues(spec, type, path, scope.issues)
  const base = {
    name,
    path,
    role,
    doc: spec.doc,
    values: spec.is && namedValues(spec.is),
    mask: spec.mask ?? 0,
    container,
    required: spec.when === undefined && spec.optional !== true && container === undefined,
    minStart: offset.min,
    fixed: offset.fixed !== undefined && container === undefined,
    start: offset.position,
    number: undefined,
    raw: undefined,
    entry: undefined,
    sizeNode: undefined,
    prefix: undefined,
    bias: 0,
    align: spec.align ?? 1,
    signed: false,
    guarded: false,
    rest: false,
  } as const
  const place = (bytes: number): Place => ({
    anchor: offset.anchor,
    offset: offset.constant,
    bytes,
    mask: spec.mask ?? 0,
    le: type.form === 'int' && type.le,
  })
  const node = typed({ scope, base, spec, path, offset, place }, type)
  return node && container && offset.region ? within(node, container, offset.region) : node
}

/** A field with its place known, and what is still to be said of it by its type. */
interface Declared {
  readonly scope: Scope
  readonly base: Placed
  readonly spec: FieldSpec
  readonly path: IssuePath
  readonly offset: Offset
  /** Where it stands, if it is of so many bytes. */
  readonly place: (bytes: number) => Place
}

const noNumber: Position = () => BAD

function typed(declared: Declared, type: TypeInfo): Node | undefined {
  const { scope, base, spec, path, offset, place } = declared
  const { name } = base
  if (spec.align !== undefined && (type.form !== 'text' || spec.size === 'rest') && type.form !== 'map') {
    scope.issues.error(
      [...path, 'align'],
      spec.size === 'rest'
        ? `"${name}" goes to the end, nothing can follow it`
        : `only a str, bytes or map can be padded, "${name}" is ${spec.type}`,
      spec.size === 'rest' ? 'frame: {align: 4} pads the frame' : undefined,
    )
    return undefined
  }
  if (type.form === 'int' || type.form === 'digits' || isVariable(type)) return numberField(declared, type)
  if (spec.mask !== undefined)
    scope.issues.error([...path, 'mask'], `only a fixed integer can have a mask, "${name}" is ${spec.type}`)
  if (type.form === 'hessian') {
    return {
      ...base,
      ...hessianText(base.start),
      whole: true,
      type: 'string',
      writable: spec.writable ?? true,
      value: noNumber,
      minEnd: base.minStart + 1,
      place: place(Number.POSITIVE_INFINITY),
      elastic: true,
    }
  }
  const max = spec.max ?? 2 ** 31
  if (type.form === 'text' && type.prefix) return prefixedField(declared, type, type.prefix, max)
  if (type.form === 'text' && type.ends) return endedField(declared, type, type.ends, max)
  const before = offset.said ? undefined : base.minStart
  return type.form === 'map'
    ? mapNode(scope, base, spec, path, type.list === true, max, before, place)
    : sized(scope, base, spec, path, type, max, before, place)
}

function numberField(declared: Declared, type: NumberType): Node | undefined {
  const { scope, base, spec, path, offset, place } = declared
  const mask = spec.mask ?? 0
  if (mask !== 0 && (type.form !== 'int' || mask < 0 || mask > 2 ** (type.bytes * 8) - 1 || type.bytes > 4)) {
    scope.issues.error([...path, 'mask'], `the mask 0x${mask.toString(16)} does not fit ${spec.type}`)
    return undefined
  }
  const fixed = base.fixed ? offset.fixed : undefined
  const access = numberAccess(type, base.start, fixed, mask | 0)
  const long = type.form === 'int' ? type.bytes === 8 : type.form === 'varint' && type.bits === 64
  return {
    ...base,
    ...access,
    raw: base.required ? access.raw : undefined,
    mask: mask | 0,
    type: long ? 'bigint' : 'number',
    signed:
      mask === 0 && ((type.form === 'int' && type.signed) || (type.form === 'varint' && type.coding === 'zigzag')),
    number: type,
    writable: (spec.writable ?? true) && base.role !== 'length' && base.role !== 'check',
    minEnd: base.minStart + minBytes(type),
    place: place(isVariable(type) ? Number.POSITIVE_INFINITY : type.bytes),
    elastic: isVariable(type),
  }
}

/** A text behind its own length, of `max` bytes at most. */
function prefixedField(
  { scope, base, spec, path, offset, place }: Declared,
  type: TextType,
  prefix: NumberType,
  max: number,
): Node {
  if (spec.size !== undefined)
    scope.issues.error([...path, 'size'], `"${base.name}" carries its own length, it can have no size`)
  return {
    ...base,
    ...prefixedText(type, base.start, max, base.align, base.fixed ? offset.fixed : undefined),
    type: type.value,
    writable: spec.writable ?? true,
    value: noNumber,
    minEnd: base.minStart + roundUp(minBytes(prefix), base.align),
    place: place(Number.POSITIVE_INFINITY),
    prefix,
    bias: type.bias,
    elastic: true,
  }
}

/** A text up to the bytes it ends with, of `max` bytes at most. */
function endedField(
  { scope, base, spec, path, place }: Declared,
  type: TextType,
  ends: NonNullable<TextType['ends']>,
  max: number,
): Node {
  const { name } = base
  const delimiter = type.zeroEnded ? 'a zero byte' : 'a delimiter'
  if (spec.size !== undefined)
    scope.issues.error([...path, 'size'], `"${name}" ends with ${delimiter}, it can have no size`)
  if (spec.align !== undefined)
    scope.issues.error([...path, 'align'], `"${name}" ends with ${delimiter}, it cannot be padded`)
  // Where something else says how long the frame or container is, the last text may end with it.
  const inside: Position | undefined = base.container
    ? (_b, _at, limit) => limit
    : scope.searched
      ? scope.edge
      : undefined
  const edge = type.zeroEnded ? undefined : inside
  return {
    ...base,
    ...endedText(base.start, ends, max, edge),
    type: type.value,
    writable: spec.writable ?? true,
    value: noNumber,
    minEnd: base.minStart + (edge ? 1 : ends.length),
    place: place(Number.POSITIVE_INFINITY),
    elastic: true,
    searched: spec.max ?? Number.POSITIVE_INFINITY,
  }
}

function sized(
  scope: Scope,
  base: Placed,
  spec: FieldSpec,
  path: IssuePath,
  type: TextType,
  max: number,
  before: number | undefined,
  place: (bytes: number) => Place,
): Node | undefined {
  const { name } = base
  if (spec.size === undefined) {
    scope.issues.error(path, `"${name}" has no size`, 'size: a number, a sum of fields, or rest')
    return undefined
  }
  const region = sizedRegion(scope, base, spec, path, base.align, max, before, place)
  const held = spec.type === 'bytes' && isContainer(scope, name)
  return region && { ...region, type: type.value, ...(held && { writable: false }) }
}

/** What says where a field starts. */
function offsetOf(
  scope: Scope,
  name: string,
  spec: FieldSpec,
  path: IssuePath,
): { expression: Expression; path: IssuePath } | undefined {
  if (spec.after !== undefined && spec.at !== undefined) {
    scope.issues.error(path, `"${name}" has both "at" and "after"`, 'keep one of them')
    return undefined
  }
  if (spec.after !== undefined) {
    return {
      expression: { constant: 0, terms: [{ name: spec.after, of: 'end', scale: 1 }] },
      path: [...path, 'after'],
    }
  }
  if (spec.at === undefined) {
    scope.issues.error(path, `"${name}" has no place`, 'at: an offset, or after: the field before it')
    return undefined
  }
  const at = [...path, 'at']
  const expression = scope.expression(spec.at, at)
  return expression && { expression, path: at }
}

/** Whether some field is declared to lie in `name`. */
function isContainer(scope: Scope, name: string): boolean {
  return [...scope.declarations.values()].some(({ spec }) => spec.in === name)
}

/** Values that the field can have at all. */
function checkValues(spec: FieldSpec, type: TypeInfo, path: IssuePath, issues: Issues): void {
  for (const number of Object.keys(spec.is ?? {})) {
    const value = Number(number)
    if (type.form !== 'text' && type.form !== 'hessian' && type.form !== 'map' && value > largest(type)) {
      issues.error([...path, 'is', number], `${number} does not fit ${spec.type}`)
    }
    if (spec.mask !== undefined && (value & ~spec.mask) !== 0) {
      issues.error(
        [...path, 'is', number],
        `the value 0x${value.toString(16)} has bits outside the mask 0x${spec.mask.toString(16)}`,
        'values keep their place on the wire: shift them left into the mask',
      )
    }
  }
}
