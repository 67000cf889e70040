import type { FieldInfo } from '../contract.ts'
import { makeTest } from './condition.ts'
import { type Expression, parseExpression } from './expression.ts'
import { hessianText } from './hessian.ts'
import { entryNode, partNode, protobufNode } from './inner-node.ts'
import type { IssuePath, Issues } from './issue.ts'
import { didYouMean } from './names.ts'
import type { Node, Place, Position, Test } from './node.ts'
import { numberAccess } from './number-node.ts'
import { BAD } from './numbers.ts'
import { type BoundTerm, constantOffset, insideOffset, type Offset, sumOffset } from './offset.ts'
import type { FieldSpec, WhenSpec } from './schema.ts'
import { prefixedText, sizedText } from './text-node.ts'
import { largest, minBytes, parseType, type TextType, type TypeInfo, typeNames } from './types.ts'
import { guarded, within } from './wrap.ts'

/** A field as declared, with its place in the document. */
export interface Declaration {
  readonly spec: FieldSpec
  readonly path: IssuePath
  readonly role: FieldInfo['role']
}

/** The fields of one variant by name, compiled when first asked for. A field that cannot be compiled is reported once and is undefined. */
export class Scope {
  readonly declarations: ReadonlyMap<string, Declaration>
  readonly issues: Issues
  private readonly nodes = new Map<string, Node | undefined>()
  private readonly busy: string[] = []

  constructor(declarations: ReadonlyMap<string, Declaration>, issues: Issues) {
    this.declarations = declarations
    this.issues = issues
  }

  /** All fields that compile. */
  all(): Node[] {
    return [...this.declarations.keys()].flatMap((name) => this.node(name) ?? [])
  }

  /** The field called `name`; `from` is where it was asked for. */
  resolve(name: string, from: IssuePath): Node | undefined {
    if (!this.declarations.has(name)) {
      const hint = didYouMean(name, [...this.declarations.keys()])
      this.issues.error(from, `there is no field "${name}"`, hint)
      return undefined
    }
    return this.node(name)
  }

  node(name: string): Node | undefined {
    if (this.nodes.has(name)) return this.nodes.get(name)
    const declaration = this.declarations.get(name)
    if (!declaration) return undefined
    if (this.busy.includes(name)) {
      const circle = [...this.busy.slice(this.busy.indexOf(name)), name].join(' → ')
      this.issues.error(declaration.path, `the offset of "${name}" depends on a later field: ${circle}`)
      return undefined
    }
    this.busy.push(name)
    const node = this.conditional(this.build(name, declaration), declaration)
    this.busy.pop()
    if (!this.nodes.has(name)) this.nodes.set(name, node)
    return node
  }

  private conditional(node: Node | undefined, { spec, path }: Declaration): Node | undefined {
    if (!node || !spec.when) return node
    const present = this.presence(spec.when, [...path, 'when'])
    return present && guarded(node, present)
  }

  private build(name: string, { spec, path, role }: Declaration): Node | undefined {
    if (spec.of !== undefined) return partNode(this, name, spec, path)
    if (spec.in !== undefined && (spec.pb !== undefined || spec.key !== undefined)) {
      const container = this.resolve(spec.in, [...path, 'in'])
      if (!container) return undefined
      if (spec.key !== undefined) {
        if (!container.entry) {
          this.issues.error([...path, 'key'], `"${spec.in}" is no map`)
          return undefined
        }
        return { ...container.entry(spec.key), name, path, doc: spec.doc, writable: spec.writable ?? true }
      }
      return protobufNode(this, name, spec, path, container, role)
    }
    return this.located(name, spec, path, role)
  }

  /** A field at an offset of the frame, or of a container. */
  private located(name: string, spec: FieldSpec, path: IssuePath, role: FieldInfo['role']): Node | undefined {
    const type = parseType(spec.type ?? '')
    if (!type) {
      if (spec.type === undefined) this.issues.error(path, `"${name}" has no type`, `types are: ${typeNames}`)
      else this.issues.error([...path, 'type'], `there is no type "${spec.type}"`, `types are: ${typeNames}`)
      return undefined
    }
    const container = spec.in === undefined ? undefined : this.resolve(spec.in, [...path, 'in'])
    if (spec.in !== undefined && !container) return undefined
    const source = this.offsetOf(name, spec, path)
    const offset = source && this.offset(source.expression, source.path, container)
    if (!offset) return undefined
    const base = {
      name,
      path,
      role,
      doc: spec.doc,
      values: valuesOf(spec, type, path, this.issues),
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
    const node = this.typed(base, spec, path, type, offset, place)
    return node && container ? within(node, container) : node
  }

  private typed(
    base: Omit<Node, 'type' | 'writable' | 'minEnd' | 'place' | 'end' | 'read' | 'value' | 'patch' | 'elastic'>,
    spec: FieldSpec,
    path: IssuePath,
    type: TypeInfo,
    offset: Offset,
    place: (bytes: number) => Place,
  ): Node | undefined {
    const { name } = base
    const writable = spec.writable ?? true
    const noNumber: Position = () => BAD
    if (type.form === 'int' || type.form === 'varint' || type.form === 'digits') {
      const mask = spec.mask ?? 0
      if (mask !== 0 && (type.form !== 'int' || mask < 0 || mask > 2 ** (type.bytes * 8) - 1 || type.bytes > 4)) {
        this.issues.error([...path, 'mask'], `the mask 0x${mask.toString(16)} does not fit ${spec.type}`)
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
        writable: writable && base.role !== 'length' && base.role !== 'check',
        minEnd: base.minStart + minBytes(type),
        place: place(type.form === 'varint' ? Number.POSITIVE_INFINITY : type.bytes),
        elastic: type.form === 'varint',
      }
    }
    if (spec.mask !== undefined)
      this.issues.error([...path, 'mask'], `only a fixed integer can have a mask, "${name}" is ${spec.type}`)
    if (type.form === 'hessian') {
      return {
        ...base,
        ...hessianText(base.start),
        type: 'string',
        writable,
        value: noNumber,
        minEnd: base.minStart + 1,
        place: place(Number.POSITIVE_INFINITY),
        elastic: true,
      }
    }
    const max = spec.max ?? 2 ** 31
    if (type.form === 'text' && type.prefix) {
      if (spec.size !== undefined)
        this.issues.error([...path, 'size'], `"${name}" carries its own length, it can have no size`)
      return {
        ...base,
        ...prefixedText(type, base.start, max, base.fixed ? offset.fixed : undefined),
        type: type.value,
        writable,
        value: noNumber,
        minEnd: base.minStart + minBytes(type.prefix),
        place: place(Number.POSITIVE_INFINITY),
        prefix: type.prefix,
        bias: type.bias,
        elastic: true,
      }
    }
    return this.sized(base, spec, path, type as TextType | { form: 'map' }, max, place)
  }

  private sized(
    base: Omit<Node, 'type' | 'writable' | 'minEnd' | 'place' | 'end' | 'read' | 'value' | 'patch' | 'elastic'>,
    spec: FieldSpec,
    path: IssuePath,
    type: TextType | { readonly form: 'map' },
    max: number,
    place: (bytes: number) => Place,
  ): Node | undefined {
    const { name } = base
    if (spec.size === undefined) {
      this.issues.error(path, `"${name}" has no size`, 'size: a number, a sum of fields, or rest')
      return undefined
    }
    const expression = spec.size === 'rest' ? undefined : this.expression(spec.size, [...path, 'size'])
    if (spec.size !== 'rest' && !expression) return undefined
    const size = expression && this.count(expression, [...path, 'size'], base.minStart)
    if (expression && !size) return undefined
    const [term] = expression?.terms ?? []
    const single = expression?.terms.length === 1 && term?.of === 'value' && term.scale === 1
    const elastic = !expression || single
    const access = sizedText(base.start, size?.position, elastic, max)
    const node: Node = {
      ...base,
      ...access,
      type: type.form === 'map' ? 'bytes' : type.value,
      writable: (spec.writable ?? true) && elastic,
      value: () => BAD,
      rest: expression === undefined,
      minEnd: base.minStart + (size?.min ?? 0),
      place: place(expression && expression.terms.length === 0 ? expression.constant : Number.POSITIVE_INFINITY),
      sizeNode: single && term ? this.node(term.name) : undefined,
      elastic,
    }
    if (type.form !== 'map')
      return { ...node, ...(spec.type === 'bytes' && isContainer(this, name) ? { writable: false } : {}) }
    const keys = parseType(spec.keys ?? '')
    const values = parseType(spec.values ?? '')
    const count = spec.count === undefined ? undefined : parseType(spec.count)
    if (keys?.form !== 'text' || !keys.prefix || values?.form !== 'text' || !values.prefix) {
      this.issues.error(
        path,
        `the map "${name}" needs types of keys and values with lengths of their own`,
        'keys: str(u32), values: str(u32)',
      )
      return undefined
    }
    if (count && count.form !== 'int' && count.form !== 'varint') {
      this.issues.error([...path, 'count'], `"${spec.count}" is no integer type`)
      return undefined
    }
    const layout = {
      keys,
      values,
      ...(count && { count: count as never }),
      ...(spec.blocks && { blocks: spec.blocks }),
    }
    const map: Node = { ...node, writable: false, patch: undefined }
    return { ...map, entry: (key) => entryNode(map, key, layout) }
  }

  private offsetOf(
    name: string,
    spec: FieldSpec,
    path: IssuePath,
  ): { expression: Expression; path: IssuePath } | undefined {
    if (spec.after !== undefined && spec.at !== undefined) {
      this.issues.error(path, `"${name}" has both "at" and "after"`, 'keep one of them')
      return undefined
    }
    if (spec.after !== undefined) {
      return {
        expression: { constant: 0, terms: [{ name: spec.after, of: 'end', scale: 1 }] },
        path: [...path, 'after'],
      }
    }
    if (spec.at === undefined) {
      this.issues.error(path, `"${name}" has no place`, 'at: an offset, or after: the field before it')
      return undefined
    }
    const at = [...path, 'at']
    const expression = this.expression(spec.at, at)
    return expression && { expression, path: at }
  }

  expression(source: string | number, path: IssuePath): Expression | undefined {
    try {
      return parseExpression(source)
    } catch (error) {
      this.issues.error(path, (error as Error).message)
      return undefined
    }
  }

  /** An offset in the frame or, with a container, in it. Fields it depends on must lie before it. */
  offset(expression: Expression, path: IssuePath, container?: Node): Offset | undefined {
    const { constant } = expression
    if (constant < 0 && expression.terms.every(({ of }) => of === 'value')) {
      this.issues.error(path, `the offset can be below zero (${constant})`)
      return undefined
    }
    const terms = this.terms(expression, path)
    if (!terms) return undefined
    if (container) return insideOffset(container, expression, terms)
    const least = constant + terms.reduce((sum, { of, node }) => sum + (of === 'end' ? node.minEnd : 0), 0)
    for (const { node, of } of terms) {
      if (of === 'value' && node.fixed && node.minEnd > least) {
        this.issues.error(
          path,
          `the offset depends on a later field: "${node.name}" ends at ${node.minEnd}, but this may start at ${least}`,
        )
        return undefined
      }
    }
    const settled = terms.length === 0 ? constant : undefined
    const only = terms.length === 1 && terms[0]!.of === 'end' ? terms[0]!.node : undefined
    // The end of a field of fixed place and width is a fixed place too.
    if (only?.fixed && !only.guarded && only.place && Number.isFinite(only.place.bytes)) {
      const fixed = only.minEnd + constant
      return { position: constantOffset(fixed), min: fixed, fixed, anchor: '', constant: fixed }
    }
    if (only?.place && !only.guarded && Number.isFinite(only.place.bytes)) {
      const { anchor, offset, bytes } = only.place
      return {
        position: sumOffset(constant, terms),
        min: least,
        fixed: undefined,
        anchor,
        constant: offset + bytes + constant,
      }
    }
    return {
      position: settled === undefined ? sumOffset(constant, terms) : constantOffset(settled),
      min: least,
      fixed: settled,
      anchor: terms.map(({ of, scale, node }) => `${scale}*${of}:${node.name}`).join('+'),
      constant,
    }
  }

  /** A number of bytes. */
  count(
    expression: Expression,
    path: IssuePath,
    before?: number,
  ): { position: Position; min: number; max: number } | undefined {
    const terms = this.terms(expression, path)
    if (!terms) return undefined
    if (terms.some(({ of }) => of === 'end')) {
      this.issues.error(path, 'a size counts bytes; end(…) is an offset')
      return undefined
    }
    for (const { node } of terms) {
      if (before !== undefined && node.fixed && node.minStart >= before && node.minStart > 0) {
        this.issues.error(
          path,
          `the size depends on a later field: "${node.name}" starts at ${node.minStart}, behind ${before}`,
        )
        return undefined
      }
    }
    const { constant } = expression
    const max = terms.reduce((sum, { scale, node }) => sum + scale * (node.number ? largest(node.number) : 0), constant)
    const position: Position = (b, at, limit) => {
      let sum = constant
      for (let i = 0; i < terms.length; i++) {
        const { node, scale } = terms[i]!
        const value = node.value(b, at, limit)
        if (value < 0) return value
        sum += scale * value
      }
      return sum < 0 ? BAD : sum
    }
    return { position, min: Math.max(0, constant), max }
  }

  terms(expression: Expression, path: IssuePath): BoundTerm[] | undefined {
    const bound = expression.terms.map((term) => {
      const node = this.resolve(term.name, path)
      if (node && term.of === 'value' && !node.number) {
        this.issues.error(path, `"${term.name}" is no number`, `end(${term.name}) is the offset behind it`)
        return undefined
      }
      return node && { ...term, node }
    })
    return bound.every((term) => term !== undefined) ? (bound as BoundTerm[]) : undefined
  }

  presence(when: WhenSpec, path: IssuePath): Test | undefined {
    return makeTest(this, when, path)
  }
}

/** Whether some field is declared to lie in `name`. */
function isContainer(scope: Scope, name: string): boolean {
  return [...scope.declarations.values()].some(({ spec }) => spec.in === name)
}

function valuesOf(
  spec: FieldSpec,
  type: TypeInfo,
  path: IssuePath,
  issues: Issues,
): Readonly<Record<string, readonly number[]>> | undefined {
  if (!spec.is) return undefined
  const values: Record<string, number[]> = {}
  for (const [number, name] of Object.entries(spec.is)) {
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
    values[name] = [...(values[name] ?? []), value]
  }
  return values
}
