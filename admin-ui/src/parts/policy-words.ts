import type { Policy } from '../api/schema.ts'

const SIGNS: Readonly<Record<string, string>> = { exact: '=', prefix: '^=', regex: '~' }

/** A condition as rules write it (`headers.x-test.exact slow, uri.prefix /v2`) as people say it: `x-test = slow, path ^= /v2`. */
export function conditionText(match: string): string {
  return match.replace(
    /(^|, | or )(?:(headers|queryParams|withoutHeaders)\.(.+?)|(uri|method|authority|scheme))\.(exact|prefix|regex) /g,
    (_, before: string, where: string | undefined, name: string, field: string | undefined, how: string) => {
      const subject = field === 'uri' ? 'path' : (field ?? name)
      const from = where === 'queryParams' ? '?' : where === 'withoutHeaders' ? 'not ' : ''
      return `${before}${from}${subject} ${SIGNS[how]} `
    },
  )
}

/** What a fault does: how long it delays and what it answers, each with the percentage of requests as written, if it is. */
export interface FaultFacts {
  readonly delay: { readonly time: string; readonly percent: string | undefined } | undefined
  readonly abort:
    | { readonly kind: 'http' | 'grpc'; readonly status: string; readonly percent: string | undefined }
    | undefined
}

/** Reads the values of a fault policy; undefined for what says neither of the two, such as a fault by raw Envoy resources. */
export function faultFacts(values: Policy['values']): FaultFacts | undefined {
  const of = (name: string) => values.find((one) => one.name === name)?.value
  const percentOf = (part: string) => of(`${part}.percentage.value`) ?? of(`${part}.percent`)
  const time = of('delay.fixedDelay')
  const [http, grpc] = [of('abort.httpStatus'), of('abort.grpcStatus')]
  const status = http ?? grpc
  if (time === undefined && status === undefined) return undefined
  return {
    delay: time === undefined ? undefined : { time, percent: percentOf('delay') },
    abort:
      status === undefined
        ? undefined
        : { kind: http === undefined ? 'grpc' : 'http', status, percent: percentOf('abort') },
  }
}
