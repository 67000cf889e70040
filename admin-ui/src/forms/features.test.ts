import { describe, expect, it } from 'vitest'
import { kindSchema } from '../../../test/helpers/kind-schemas.ts'
import { edit, readDocuments } from '../yaml/index.ts'
import {
  chooseAlgorithm,
  chooseHash,
  chooseSimple,
  isPrime,
  primeAtLeast,
  readBalancing,
  TABLE_SIZES,
  tableSizeProblem,
} from './balance.ts'
import { BREAKER_FIELDS, breakerOff, PRESETS, presetEdits, presetOf } from './breaker.ts'
import type { FormEdit } from './edits.ts'
import { faultPercent, readFault, scopedFault, stopsEverything } from './fault.ts'
import { emptyValue } from './fields.ts'
import { worstCase, worstCaseLine } from './retry.ts'
import { read, schemaAt } from './schema.ts'

const parsed = (text: string) => readDocuments(text)[0]!.value
const edited = (text: string, make: (value: unknown) => readonly FormEdit[]) => edit(text, make(parsed(text))).text

it('a list that may not be empty begins with an entry, so that adding it is no mistake by itself', () => {
  const spec = (name: string) => schemaAt(kindSchema('MsgRouter'), ['spec', name])
  expect(emptyValue(spec('match'))).toEqual([{}])
  expect(emptyValue(spec('requestMutation'))).toEqual([])
})

describe('circuit breaker', () => {
  const policy = ['spec', 'trafficPolicy']
  const rule = `spec:
  host: a
  trafficPolicy: # ours
    connectionPool:
      tcp: { maxConnections: 7, connectTimeout: 3s }
`

  it('shows every field of connection pool and outlier detection that the kind has', () => {
    const schema = kindSchema('DestinationRule')
    const fields = (path: readonly string[]) => Object.keys(schemaAt(schema, path)?.properties ?? {})
    const all = [
      ...fields([...policy, 'connectionPool', 'tcp']).map((name) => `connectionPool.tcp.${name}`),
      ...fields([...policy, 'connectionPool', 'http']).map((name) => `connectionPool.http.${name}`),
      ...fields([...policy, 'outlierDetection']).map((name) => `outlierDetection.${name}`),
    ]
    expect(Object.values(BREAKER_FIELDS).flat().sort()).toEqual(all.sort())
    for (const preset of Object.values(PRESETS)) for (const field of Object.keys(preset)) expect(all).toContain(field)
  })

  it('takes a preset and keeps what the preset does not speak of', () => {
    const text = edited(rule, (value) => presetEdits(value, policy, 'standard'))
    expect(presetOf(read(parsed(text), ...policy))).toBe('standard')
    expect(read(parsed(text), ...policy, 'connectionPool', 'tcp', 'connectTimeout')).toBe('3s')
    expect(text).toContain('trafficPolicy: # ours')
  })

  it('goes altogether, and the policy with it when nothing else is in it', () => {
    expect(parsed(edited(rule, (value) => breakerOff(value, policy)))).toEqual({ spec: { host: 'a' } })
  })
})

describe('fault', () => {
  const text = `spec:
  http:
    - name: all
      match:
        - uri: { prefix: /api }
      route:
        - destination: { host: a }
`

  it('for some requests is a rule of its own in front, with the same destinations', () => {
    const abort = { abort: { httpStatus: 503, percentage: { value: 100 } } }
    const after = edited(text, (value) =>
      scopedFault(value, ['spec', 'http'], 0, { headers: { 'X-User': 'tester' } }, abort),
    )
    expect(read(parsed(after), 'spec', 'http')).toEqual([
      {
        name: 'all-fault',
        match: [{ uri: { prefix: '/api' }, headers: { 'x-user': { exact: 'tester' } } }],
        fault: abort,
        route: [{ destination: { host: 'a' } }],
      },
      { name: 'all', match: [{ uri: { prefix: '/api' } }], route: [{ destination: { host: 'a' } }] },
    ])
    expect(after).toContain(text.slice(text.indexOf('    - name: all')))
  })

  it('is read with the old percent where no percentage is written', () => {
    expect(readFault({ delay: { fixedDelay: '5s', percent: 10 } }).delay).toEqual({ fixedDelay: '5s', percent: 10 })
    expect(readFault({ abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 0.5 } } }).abort).toEqual({
      kind: 'grpc',
      status: 'UNAVAILABLE',
      percent: 0.5,
    })
  })

  it('with a new percentage loses the old percent, which would count beside it', () => {
    const old = 'fault:\n  delay:\n    percent: 10\n    fixedDelay: 1s\n'
    const after = edited(old, (value) => faultPercent(value, ['fault', 'delay'], 20))
    expect(parsed(after)).toEqual({ fault: { delay: { fixedDelay: '1s', percentage: { value: 20 } } } })
  })

  it('of all requests is dangerous, a delay is not', () => {
    expect(stopsEverything({ abort: { httpStatus: 500, percentage: { value: 100 } } })).toBe(true)
    expect(stopsEverything({ delay: { fixedDelay: '1s', percentage: { value: 100 } } })).toBe(false)
  })
})

describe('timeout and retries', () => {
  it('say the longest a caller waits', () => {
    const worst = worstCase({ timeout: '5s', retries: { attempts: 2, perTryTimeout: '2s' } })
    expect(worst).toMatchObject({ tries: 3, perTry: 2000, waits: 100, sum: 6100, total: 5000, cut: true })
    expect(worstCaseLine(worst)).toBe('3 × 2s + 100ms = 6.1s > 5s')
  })

  it('have a bound only when something ends a try', () => {
    expect(worstCase({}).total).toBeUndefined()
    expect(worstCase({ timeout: '3s' })).toMatchObject({ total: 3000, tries: 3 })
    expect(worstCase({ retries: { attempts: 0 } }).tries).toBe(1)
  })

  it('count waits up to ten times the base interval', () => {
    expect(worstCase({ retries: { attempts: 5, perTryTimeout: '1s', backoff: '100ms' } }).waits).toBe(
      100 + 300 + 700 + 1000 + 1000,
    )
  })
})

describe('load balancing', () => {
  const path = ['spec', 'trafficPolicy', 'loadBalancer']
  const simple = 'spec:\n  trafficPolicy:\n    loadBalancer:\n      simple: ROUND_ROBIN\n'

  it('by a key uses Maglev, and one choice takes the place of the other', () => {
    const hashed = edited(simple, (value) => chooseHash(value, path, 'httpHeaderName'))
    expect(read(parsed(hashed), ...path)).toEqual({ consistentHash: { httpHeaderName: 'x-user', maglev: {} } })
    const sized = edited(hashed, (value) => chooseAlgorithm(value, path, 'maglev', 1021))
    expect(readBalancing(read(parsed(sized), ...path))).toEqual({
      kind: 'hash',
      key: 'httpHeaderName',
      algorithm: 'maglev',
      tableSize: 1021,
      minimumRingSize: undefined,
    })
    const cookie = edited(sized, (value) => chooseHash(value, path, 'httpCookie'))
    expect(read(parsed(cookie), ...path)).toEqual({
      consistentHash: { httpCookie: { name: 'user', ttl: '0s' }, maglev: { tableSize: 1021 } },
    })
    const back = edited(cookie, (value) => chooseSimple(value, path, 'ROUND_ROBIN'))
    expect(parsed(back)).toEqual(parsed(simple))
  })

  it('offers prime table sizes only, and says what is wrong with others', () => {
    expect(TABLE_SIZES.every(isPrime)).toBe(true)
    expect(tableSizeProblem(1000)).toBe('notPrime')
    expect(primeAtLeast(1000)).toBe(1009)
    expect(tableSizeProblem(5_000_077)).toBe('tooLarge')
    expect(tableSizeProblem(65_537)).toBeUndefined()
  })
})
