import { describe, expect, it } from 'vitest'
import { abortKind, beginFault, isAimed } from './fault.ts'

const HTTP = ['spec', 'http']
const route = [{ destination: { host: 'cart' } }]
const document = (rule: object) => ({ spec: { http: [{ name: 'main', route, ...rule }] } })

describe('a new fault', () => {
  it('needs to know whom it meets', () => {
    const aim = { scope: 'header', header: 'x-test', text: 'broken' } as const
    expect(isAimed(aim)).toBe(true)
    expect(isAimed({ ...aim, text: ' ' })).toBe(false)
    expect(isAimed({ ...aim, header: '' })).toBe(false)
    expect(isAimed({ scope: 'path', header: '', text: '/api' })).toBe(true)
    expect(isAimed({ scope: 'all', header: '', text: '' })).toBe(true)
  })

  it('for requests with a header fails all of them, in a rule of its own in front that has the same destinations', () => {
    const match = [{ headers: { 'x-team': { exact: 'growth' } } }]
    const aim = { scope: 'header', header: ' X-Test ', text: ' broken ' } as const
    expect(beginFault(document({ match }), [...HTTP, 0], aim)).toEqual([
      {
        op: 'insert',
        path: [...HTTP, 0],
        value: {
          name: 'main-fault',
          match: [{ headers: { 'x-team': { exact: 'growth' }, 'x-test': { exact: 'broken' } } }],
          fault: { abort: { httpStatus: 503, percentage: { value: 100 } } },
          route,
        },
      },
    ])
  })

  it('for a path names where it begins', () => {
    const [edit] = beginFault(document({}), [...HTTP, 0], { scope: 'path', header: '', text: '/api' })
    expect(edit).toMatchObject({ op: 'insert', value: { match: [{ uri: { prefix: '/api' } }] } })
  })

  it('for everybody stops nobody: a tenth waits, in the rule that is there', () => {
    expect(beginFault(document({}), [...HTTP, 0], { scope: 'all', header: '', text: '' })).toEqual([
      { op: 'set', path: [...HTTP, 0, 'fault'], value: { delay: { fixedDelay: '2s', percentage: { value: 10 } } } },
    ])
  })
})

it('an abort says a status of HTTP or of gRPC, never both, and keeps its share', () => {
  const path = [...HTTP, 0, 'fault', 'abort']
  const http = document({ fault: { abort: { httpStatus: 500, percentage: { value: 5 } } } })
  const grpc = document({ fault: { abort: { grpcStatus: 'ABORTED', percentage: { value: 5 } } } })
  const said = (edits: readonly { readonly op: string; readonly path: readonly unknown[] }[]) =>
    edits.map(({ op, path: at }) => `${op} ${at.at(-1)}`).sort()
  expect(said(abortKind(http, path, 'grpc'))).toEqual(['delete httpStatus', 'set grpcStatus'])
  expect(said(abortKind(grpc, path, 'http'))).toEqual(['delete grpcStatus', 'set httpStatus'])
})
