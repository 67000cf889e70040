import { errorText } from '../../errors/thrown.ts'
import { makeTest } from './condition.ts'
import { type Expression, parseExpression } from './expression.ts'
import { partNode, protobufNode } from './inner-node.ts'
import type { IssuePath, Issues } from './issue.ts'
import { locatedNode } from './located-node.ts'
import { didYouMean } from './names.ts'
import type { Node, Position, Test } from './node.ts'
import { BAD } from './numbers.ts'
import { type BoundTerm, constantOffset, insideOffset, type Offset, saidOffset, sumOffset } from './offset.ts'
import type { FieldSpec, WhenSpec } from './schema.ts'
import type { Declaration, Scope } from './scope.ts'
import { largest } from './types.ts'
import { guarded } from './wrap.ts'

/** The fields of one variant by name, compiled when first asked for. A field that cannot be compiled is reported once and is undefined. */
export class VariantScope implements Scope {
  readonly declarations: ReadonlyMap<string, Declaration>
  readonly issues: Issues
  edge: Position | undefined
  searched = false
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
    if (spec.of !== undefined) return partNode(this, name, spec, path, role)
    if (spec.in !== undefined && (spec.pb !== undefined || spec.key !== undefined)) {
      const container = this.resolve(spec.in, [...path, 'in'])
      if (!container) return undefined
      if (spec.key !== undefined) {
        if (!container.entry) {
          this.issues.error([...path, 'key'], `"${spec.in}" is no map`)
          return undefined
        }
        const entry = container.entry(String(spec.key), container)
        if (!entry) {
          this.issues.error([...path, 'key'], `"${spec.key}" can be no key of "${spec.in}", whose keys are numbers`)
          return undefined
        }
        return this.namedEntry(entry, name, spec, path)
      }
      return protobufNode(this, name, spec, path, container, role)
    }
    return locatedNode(this, name, spec, path, role)
  }

  /** An entry is the text or the bytes that the map's values are, unless it says which. */
  private namedEntry(entry: Node, name: string, spec: FieldSpec, path: IssuePath): Node | undefined {
    const { type, in: map = '' } = spec
    if (type !== undefined && type !== 'str' && type !== 'bytes') {
      this.issues.error(
        [...path, 'type'],
        `"${name}" is an entry of "${map}": its type is str or bytes`,
        `a number in it is a field of its own: {in: ${name}, at: 0, type: ${type}}`,
      )
      return undefined
    }
    const as = type === 'str' ? 'string' : type === 'bytes' ? 'bytes' : entry.type
    return { ...entry, name, path, type: as, doc: spec.doc, writable: spec.writable ?? true }
  }

  expression(source: string | number, path: IssuePath): Expression | undefined {
    try {
      return parseExpression(source)
    } catch (error) {
      this.issues.error(path, errorText(error))
      return undefined
    }
  }

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
    const said = terms.length > 0 && constant === 0 && terms.every(({ of, node }) => of === 'value' && node.fixed)
    if (said) return saidOffset(terms)
    for (const { node, of } of terms) {
      if (of === 'value' && node.fixed && node.minEnd > least) {
        this.issues.error(
          path,
          `the offset depends on a later field: "${node.name}" ends at ${node.minEnd}, but this may start at ${least}`,
          `start behind a field that is always there, as \`after: ${node.name}\`, or add what is always there, as \`${node.minEnd} + …\``,
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
      // Where a conditional field would stand this begins without it.
      const there = node.guarded ? node.minStart > (before ?? 0) : node.minStart >= (before ?? 0)
      if (before !== undefined && node.fixed && there && node.minStart > 0) {
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

  inside(declarations: ReadonlyMap<string, Declaration>): VariantScope {
    return new VariantScope(declarations, this.issues)
  }

  terms(expression: Expression, path: IssuePath): BoundTerm[] | undefined {
    const bound = expression.terms.map((term) => {
      const node = this.resolve(term.name, path)
      if (node && term.of === 'value' && !node.number) {
        this.issues.error(path, `"${term.name}" is no number`, `end(${term.name}) is the offset behind it`)
        return undefined
      }
      // Bits that stand high in their number, as a size in the upper half of a byte: what is left is a whole number.
      if (node && term.scale < 1 && (node.mask === 0 || (node.mask & (1 / term.scale - 1)) !== 0)) {
        this.issues.error(
          path,
          `"${term.name}" divided by ${1 / term.scale} need not be a whole number`,
          `only fields whose \`mask\` leaves the lowest bits out can be divided`,
        )
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
