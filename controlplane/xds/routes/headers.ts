import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  HeaderValueOption_HeaderAppendAction as Append,
  type HeaderValueOptionSchema,
} from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import type { Headers } from '../../config/kinds/http/headers.ts'
import { isAuthorityHeader } from '../../config/syntax/header.ts'

type HeaderValueOption = MessageInitShape<typeof HeaderValueOptionSchema>

/** The four lists that routes and weighted clusters share. */
export interface HeaderChanges {
  readonly requestHeadersToAdd: HeaderValueOption[]
  readonly requestHeadersToRemove: string[]
  readonly responseHeadersToAdd: HeaderValueOption[]
  readonly responseHeadersToRemove: string[]
}

/** Header operations; `set` stands before `add`. Envoy will not change pseudo headers, so the host is told apart. */
export function headerChanges(headers: Headers | undefined): HeaderChanges {
  return {
    requestHeadersToAdd: added(headers?.request),
    requestHeadersToRemove: (headers?.request?.remove ?? []).filter(isChangeable),
    responseHeadersToAdd: added(headers?.response),
    responseHeadersToRemove: (headers?.response?.remove ?? []).filter(isChangeable),
  }
}

/** The host a request is given by `headers.request`: `Host` or `:authority`; `set` wins over `add`. */
export function authorityOf(headers: Headers | undefined): string | undefined {
  for (const values of [headers?.request?.set, headers?.request?.add])
    for (const [name, value] of Object.entries(values ?? {})) if (isAuthorityHeader(name) && value) return value
  return undefined
}

/** Two lists of changes, the second after the first. */
export function joinHeaderChanges(first: HeaderChanges, second: HeaderChanges): HeaderChanges {
  return {
    requestHeadersToAdd: [...first.requestHeadersToAdd, ...second.requestHeadersToAdd],
    requestHeadersToRemove: [...first.requestHeadersToRemove, ...second.requestHeadersToRemove],
    responseHeadersToAdd: [...first.responseHeadersToAdd, ...second.responseHeadersToAdd],
    responseHeadersToRemove: [...first.responseHeadersToRemove, ...second.responseHeadersToRemove],
  }
}

function added(operations: Headers['request']): HeaderValueOption[] {
  return [
    ...options(operations?.set, Append.OVERWRITE_IF_EXISTS_OR_ADD),
    ...options(operations?.add, Append.APPEND_IF_EXISTS_OR_ADD),
  ]
}

function options(values: Readonly<Record<string, string>> | undefined, appendAction: Append): HeaderValueOption[] {
  return Object.entries(values ?? {})
    .filter(([name]) => isChangeable(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ header: { key, value: headerValue(value) }, appendAction }))
}

/**
 * Envoy replaces `%COMMAND%` in values, which people use, and refuses the whole table for a percent sign that starts
 * no command: such a sign is doubled, so that it stands for itself
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/substitution_formatter).
 */
function headerValue(value: string): string {
  return value.replaceAll(/%%|%[A-Z][A-Z0-9_]*(?:\([^)]*\))?(?::\d+)?%|%/g, (found) => (found === '%' ? '%%' : found))
}

function isChangeable(name: string): boolean {
  return !name.startsWith(':') && name.toLowerCase() !== 'host'
}
