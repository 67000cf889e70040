import { RE2JS } from 're2js'
import { errorText } from '../../../errors/thrown.ts'
import { shown } from './host.ts'

/** Istio's limit; an RE2 program is always larger than its text. */
const MAX_LENGTH = 1024
const CACHE = 4096

const known = new Map<string, string | undefined>()

/** An RE2 expression of at most 1024 characters; answers what is wrong with it. */
export function regexProblem(text: string): string | undefined {
  if (text === '') return 'a regular expression must not be empty'
  if (text.length > MAX_LENGTH) return `the regular expression is longer than ${MAX_LENGTH} characters`
  if (known.has(text)) return known.get(text)
  const problem = compileProblem(text)
  if (known.size >= CACHE) known.clear()
  known.set(text, problem)
  return problem
}

function compileProblem(text: string): string | undefined {
  try {
    RE2JS.compile(text)
    return undefined
  } catch (error) {
    return `${shown(text)} is no RE2 expression: ${errorText(error)}`
  }
}
