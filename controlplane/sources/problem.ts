import type { Path } from '../diagnostics/diagnostic.ts'
import type { SourceCode } from './codes.ts'

/** A complaint about a piece of text, before its place is counted in lines. */
export interface Problem {
  readonly code: SourceCode
  /** UTF-16 units from the start of the piece. */
  readonly offset: number
  readonly message: string
  readonly hint?: string
  /** Where the thing stands that this one contradicts. */
  readonly first?: number
  readonly path?: Path
}

/** Thrown inside the reader to leave a document at once; caught where the document is read. */
export class ProblemError extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
}
