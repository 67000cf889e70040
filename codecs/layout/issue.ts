export type IssuePath = readonly (string | number)[]

/** A complaint about a Protocol document; `path` starts at the document's root. Who knows the file adds line and column. */
export interface Issue {
  readonly severity: 'error' | 'warning'
  readonly path: IssuePath
  readonly message: string
  readonly hint?: string
}

/** An error, with a hint where there is one. */
export function errorAt(path: IssuePath, message: string, hint?: string): Issue {
  return { severity: 'error', path, message, ...(hint && { hint }) }
}

/** Gathers issues; a document with any error makes no codec. */
export class Issues {
  readonly list: Issue[] = []

  error(path: IssuePath, message: string, hint?: string): void {
    this.add(errorAt(path, message, hint))
  }

  warning(path: IssuePath, message: string, hint?: string): void {
    this.add({ severity: 'warning', path, message, ...(hint && { hint }) })
  }

  get failed(): boolean {
    return this.list.some(({ severity }) => severity === 'error')
  }

  /** Variants share declarations: the same complaint is kept once. */
  private add(issue: Issue): void {
    const key = JSON.stringify([issue.path, issue.message])
    if (!this.list.some(({ path, message }) => JSON.stringify([path, message]) === key)) this.list.push(issue)
  }
}
