import { delimiterBytes } from './delimiter.ts'
import type { IssuePath } from './issue.ts'
import { type Position, sameBytes, type Test } from './node.ts'
import { BAD } from './numbers.ts'
import type { Scope } from './scope.ts'

/** Bytes that every frame ends with, counted by its length, `frame: {suffix: 0xce}`. */
export interface FrameSuffix {
  readonly bytes: Uint8Array
  /** Where they begin, and what goes up to the end of the frame ends. */
  readonly start: Position
  /** Whether they stand there; `limit` is the end of the frame. */
  readonly stands: Test
}

/** null: there is none; undefined: what is written is no such thing, which `scope` is told. Frames may be padded behind it. */
export function frameSuffix(
  scope: Scope,
  written: string | number | undefined,
  path: IssuePath,
): FrameSuffix | null | undefined {
  if (written === undefined || written === '') return null
  const bytes = delimiterBytes(written)
  if (!bytes) {
    scope.issues.error(
      path,
      `${JSON.stringify(written)} is no suffix: 1 to 16 bytes`,
      String.raw`suffix: 0xce, or (in single quotes) '\x55\xaa'`,
    )
    return undefined
  }
  const { edge } = scope
  const start: Position = (b, at, limit) => {
    const end = edge ? edge(b, at, limit) : limit
    return end < 0 ? end : end - bytes.length < at ? BAD : end - bytes.length
  }
  const stands: Test = (b, at, limit) => {
    const place = start(b, at, limit)
    return place >= 0 && sameBytes(b, place, place + bytes.length, bytes)
  }
  return { bytes, start, stands }
}
