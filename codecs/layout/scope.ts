import type { FieldInfo } from '../contract.ts'
import type { Expression } from './expression.ts'
import type { IssuePath, Issues } from './issue.ts'
import type { Node, Position, Test } from './node.ts'
import type { BoundTerm, Offset } from './offset.ts'
import type { FieldSpec, WhenSpec } from './schema.ts'

/** A field as declared, with its place in the document. */
export interface Declaration {
  readonly spec: FieldSpec
  readonly path: IssuePath
  readonly role: FieldInfo['role']
}

/** What the compiler of one field asks about the others of its variant. Whatever is wrong is reported to `issues`, and the answer is undefined. */
export interface Scope {
  readonly declarations: ReadonlyMap<string, Declaration>
  readonly issues: Issues
  /** Where the frame ends without its padding, its delimiter and a checksum behind everything, if it has one of these. */
  readonly edge: Position | undefined
  /** Frames end with a delimiter. */
  readonly searched: boolean
  /** The field called `name`; `from` is where it was asked for. */
  resolve(name: string, from: IssuePath): Node | undefined
  /** The same for a field that need not be there. */
  node(name: string): Node | undefined
  expression(source: string | number, path: IssuePath): Expression | undefined
  /** An offset in the frame or, with a container, in it. Fields it depends on must lie before it. */
  offset(expression: Expression, path: IssuePath, container?: Node): Offset | undefined
  /** A number of bytes; with `before`, of fields that lie before that offset. */
  count(
    expression: Expression,
    path: IssuePath,
    before?: number,
  ): { readonly position: Position; readonly min: number; readonly max: number } | undefined
  /** The fields of an entry of a list, known to each other alone. */
  inside(declarations: ReadonlyMap<string, Declaration>): Scope & { all(): Node[] }
  terms(expression: Expression, path: IssuePath): BoundTerm[] | undefined
  /** Whether a conditional field is there. */
  presence(when: WhenSpec, path: IssuePath): Test | undefined
}
