import type * as z from 'zod'
import { checked, message, optional, type Report, required } from '../../schema.ts'
import { text, uint32 } from '../../syntax/values.ts'
import { statusProblem } from './status.ts'

const httpDirectResponseFields = message({
  status: required(uint32, 'Status code.'),
  body: optional(
    message(
      {
        string: optional(text, 'Body as text.'),
        bytes: optional(text, 'Body as base64.'),
      },
      [['string', 'bytes']],
    ),
    'Body of the response.',
  ),
})

function directResponseRule(response: HttpDirectResponse, report: Report): void {
  const status = statusProblem(response.status)
  if (status) report(['status'], status)
  const { string, bytes } = response.body ?? {}
  const field = string === undefined ? 'bytes' : 'string'
  const size = string === undefined ? ((bytes?.length ?? 0) * 3) / 4 : Buffer.byteLength(string)
  if (size > 1_048_576) report(['body', field], 'the body of a direct response must be smaller than 1 MiB')
  else if (size > 102_400)
    report(['body', field], 'a body above 100 KiB burdens every proxy', { code: 'FIELD_QUESTIONABLE' })
  if (bytes !== undefined && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(bytes)) report(['body', 'bytes'], 'bytes must be base64')
}

export const httpDirectResponse = checked(httpDirectResponseFields, directResponseRule)
export type HttpDirectResponse = z.infer<typeof httpDirectResponseFields>
