import { describe, expect, it } from 'vitest'
import { edit, readDocuments } from '../yaml/index.ts'
import { choose, setField, setFields } from './edits.ts'

const document = {
  spec: { trafficPolicy: { connection_pool: { tcp: { maxConnections: 5 } }, outlierDetection: { interval: '5s' } } },
}
const policy = ['spec', 'trafficPolicy']

describe('a field', () => {
  it('is written where the document has it, snake_case included', () => {
    expect(setField(document, [...policy, 'connectionPool', 'tcp', 'maxConnections'], 6)).toEqual([
      { op: 'set', path: [...policy, 'connection_pool', 'tcp', 'maxConnections'], value: 6 },
    ])
  })

  it('with the value it has already is not written', () => {
    expect(setField(document, [...policy, 'connectionPool', 'tcp'], { maxConnections: 5 })).toEqual([])
  })

  it('that goes takes groups along that it leaves empty', () => {
    expect(setField(document, [...policy, 'connectionPool', 'tcp', 'maxConnections'], undefined)).toEqual([
      { op: 'delete', path: [...policy, 'connection_pool'] },
    ])
  })

  it('leaves a map behind whose presence says something', () => {
    expect(setField(document, [...policy, 'outlierDetection', 'interval'], undefined)).toEqual([
      { op: 'delete', path: [...policy, 'outlierDetection', 'interval'] },
    ])
  })

  it('that is not there cannot go', () => {
    expect(setField(document, [...policy, 'loadBalancer'], undefined)).toEqual([])
  })
})

it('several fields that leave a group together take the group along', () => {
  const text = 'a:\n  tcp:\n    maxConnections: 1\n    connectTimeout: 1s\n  b: 1\n'
  const value = readDocuments(text)[0]!.value
  const edits = setFields(value, ['a'], { 'tcp.maxConnections': undefined, 'tcp.connectTimeout': undefined })
  expect(edit(text, edits).text).toBe('a:\n  b: 1\n')
})

it('a choice takes the place of the fields it excludes', () => {
  const text = 'abort:\n  httpStatus: 500 # why\n  percentage: { value: 1 }\n'
  const value = readDocuments(text)[0]!.value
  const edits = choose(value, ['abort'], ['httpStatus', 'grpcStatus'], 'grpcStatus', 'ABORTED')
  expect(readDocuments(edit(text, edits).text)[0]!.value).toEqual({
    abort: { percentage: { value: 1 }, grpcStatus: 'ABORTED' },
  })
})
