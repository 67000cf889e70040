import type * as z from 'zod'
import type { Code } from '../diagnostics/codes.ts'
import { similar } from './similar.ts'

/** A schema issue in the words of a diagnostic. */
export interface IssueText {
  readonly code: Code
  readonly message: string
  readonly hint?: string
}

const ARTICLE: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

/**
 * The one place where schema issues get their words. `input` is the value at the issue's path, `name` the last step of it.
 */
export function describeIssue(issue: z.core.$ZodIssue, input: unknown, name: string): IssueText {
  switch (issue.code) {
    case 'invalid_type':
      if (input === undefined) return { code: 'FIELD_REQUIRED', message: `${name} is required` }
      return {
        code: 'FIELD_TYPE',
        message: `${name} must be ${ARTICLE[issue.expected] ?? issue.expected}, not ${shown(input)}`,
        ...typeHint(issue.expected, input),
      }
    case 'invalid_value': {
      if (input === undefined) return { code: 'FIELD_REQUIRED', message: `${name} is required` }
      const values = issue.values.map(String)
      const message = `Unsupported value: ${shown(input)}, must be one of ${values.join(', ')}`
      if (typeof input !== 'string')
        return {
          code: 'FIELD_TYPE',
          message: `${name} must be a text, one of ${values.join(', ')}, not ${shown(input)}`,
        }
      const hint = similar(input, values)
      return { code: 'FIELD_VALUE', message, ...(hint ? { hint } : {}) }
    }
    case 'too_small':
      return { code: 'FIELD_VALUE', message: limitText(name, issue.origin, 'at least', issue.minimum, issue.inclusive) }
    case 'too_big':
      return { code: 'FIELD_VALUE', message: limitText(name, issue.origin, 'at most', issue.maximum, issue.inclusive) }
    case 'invalid_format':
      return {
        code: 'FIELD_VALUE',
        message:
          'pattern' in issue
            ? `${name} should match ${issue.pattern}, ${shown(input)} does not`
            : `${name}: ${issue.message}`,
      }
    case 'invalid_union':
      return { code: 'FIELD_TYPE', message: `${name} ${formsText(issue)}${shown(input)}` }
    case 'custom': {
      const extra = issue.params as { code?: Code; hint?: string } | undefined
      return {
        code: extra?.code ?? 'FIELD_VALUE',
        message: issue.message,
        ...(extra?.hint === undefined ? {} : { hint: extra.hint }),
      }
    }
    default:
      return { code: 'FIELD_VALUE', message: `${name}: ${issue.message}` }
  }
}

/** What a value of several forms may be, as far as their types say it. */
function formsText(issue: z.core.$ZodIssueInvalidUnion): string {
  const forms = [...new Set(formsOf(issue))]
  const last = forms.pop()
  if (last === undefined) return 'has a wrong type: '
  return `must be ${forms.length > 0 ? `${forms.join(', ')} or ${last}` : last}, not `
}

function formsOf({ errors }: z.core.$ZodIssueInvalidUnion): readonly string[] {
  return errors.flatMap(([issue]): readonly string[] => {
    if (issue?.path.length !== 0) return []
    if (issue.code === 'invalid_union') return formsOf(issue)
    if (issue.code === 'invalid_type') return [ARTICLE[issue.expected] ?? issue.expected]
    return issue.code === 'invalid_value' ? [issue.values.map(String).join(' or ')] : []
  })
}

function typeHint(expected: string, input: unknown): { hint?: string } {
  if (input === null) return { hint: 'remove the key, or give it a value' }
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean'))
    return { hint: `write it in quotes: "${input}"` }
  if ((expected === 'number' || expected === 'int') && typeof input === 'string' && /^-?\d+(\.\d+)?$/.test(input))
    return { hint: `write it without quotes: ${input}` }
  if (expected === 'array' && input !== undefined) return { hint: 'start each item with "- "' }
  return {}
}

function limitText(
  name: string,
  origin: string,
  how: string,
  limit: number | bigint,
  inclusive: boolean | undefined,
): string {
  if (origin === 'string') return `${name} should be ${how} ${limit} chars long`
  if (origin === 'array') return `${name} should have ${how} ${limit} items`
  return `${name} must be ${inclusive === false ? (how === 'at least' ? 'greater than' : 'less than') : how} ${limit}`
}
