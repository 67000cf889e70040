import type * as z from 'zod'
import { checked, type IssuePath, message, optional, type Report } from '../../schema.ts'
import { headerValueProblem, plainHeaderProblem, requestHeaderProblem } from '../../syntax/header.ts'
import { stringMap, strings } from '../../syntax/values.ts'

const headerOperations = message({
  set: optional(stringMap, 'Headers to overwrite.'),
  add: optional(stringMap, 'Headers to append.'),
  remove: optional(strings, 'Headers to remove.'),
})
type HeaderOperations = z.infer<typeof headerOperations>

const headersFields = message({
  request: optional(headerOperations, 'Changes before the request goes on.'),
  response: optional(headerOperations, 'Changes before the response goes back.'),
})

function headerChanges(
  changes: HeaderOperations | undefined,
  path: IssuePath,
  name: (name: string) => string | undefined,
  report: Report,
): void {
  for (const field of ['set', 'add'] as const) {
    for (const [header, value] of Object.entries(changes?.[field] ?? {})) {
      const problem = name(header) ?? headerValueProblem(value)
      if (problem) report([...path, field, header], problem)
    }
  }
  for (const [index, header] of (changes?.remove ?? []).entries()) {
    const problem = plainHeaderProblem(header)
    if (problem) report([...path, 'remove', index], problem)
  }
}

function headersRule(headers: Headers, report: Report): void {
  headerChanges(headers.request, ['request'], requestHeaderProblem, report)
  headerChanges(headers.response, ['response'], plainHeaderProblem, report)
}

export const headers = checked(headersFields, headersRule)
export type Headers = z.infer<typeof headersFields>
