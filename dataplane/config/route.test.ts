import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import {
  ConnectionMode,
  type MessageRouteSchema,
  MessageRouteTableSchema,
} from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { duration } from '../../proto/make.ts'
import type { RouteAction } from '../configuration.ts'
import { readRouteTable } from './route.ts'

type Route = MessageInitShape<typeof MessageRouteSchema>

const tableOf = (...routes: Route[]) => readRouteTable(create(MessageRouteTableSchema, { name: 't', routes }))
const actionOf = (route: Route) => tableOf(route).routes[0]!.action
const msgid = { field: 'msgid', condition: { case: 'exact', value: '7' } } as const
const bucket = { maxTokens: 5, fillInterval: duration(1000) }

it('a route that says nothing more has a match and clusters, and a name by its place', () => {
  expect(tableOf({ clusters: [{ name: 'c', weight: 1 }] })).toEqual({
    name: 't',
    parts: [],
    routes: [{ name: 'routes[0]', match: [], action: { destinations: [{ cluster: 'c', weight: 1 }] } }],
  })
})

it.each<[string, Route, Partial<RouteAction>]>([
  ['times', { timeout: duration(1500), idleTimeout: duration(20) }, { timeoutMs: 1500, idleTimeoutMs: 20 }],
  ['no time limit', { timeout: duration(0) }, { timeoutMs: 0 }],
  ['a mode', { connectionMode: ConnectionMode.BOUND }, { mode: 'bound' }],
  ['a mode, exclusive', { connectionMode: ConnectionMode.EXCLUSIVE }, { mode: 'exclusive' }],
  ['the high priority', { highPriority: true }, { priority: 'high' }],
  ['a reply', { reply: { code: 0, message: 'no' } }, { reply: { reason: 'fault', code: 0, message: 'no' } }],
  ['a reply with the code of its reason', { reply: {} }, { reply: { reason: 'fault' } }],
  [
    'keys of a hash',
    {
      hashKeys: [{ source: { case: 'field', value: 'uid' } }, { source: { case: 'sourceIp', value: true } }],
    },
    { hashKeys: [{ field: 'uid' }, { sourceIp: true }] },
  ],
  ['mirrors', { mirrors: [{ cluster: 'm', millionths: 5000 }] }, { mirrors: [{ cluster: 'm', percent: 0.5 }] }],
  [
    'mutations',
    {
      requestMutations: [{ field: 'a', action: { case: 'set', value: '' } }],
      responseMutations: [{ field: 'b', action: { case: 'remove', value: true } }],
    },
    { requestMutation: [{ field: 'a', value: '' }], responseMutation: [{ field: 'b' }] },
  ],
  [
    'retries, of requests that may arrive twice',
    {
      retry: {
        numRetries: 2,
        idempotent: true,
        retryOn: ['reset', 'error-reply'],
        perTryTimeout: duration(50),
        baseInterval: duration(10),
        statuses: [3],
      },
    },
    {
      retry: {
        attempts: 2,
        idempotent: true,
        on: ['reset', 'error'],
        perTryTimeoutMs: 50,
        baseIntervalMs: 10,
        statuses: [3],
      },
    },
  ],
  [
    'retries for whatever reason',
    { retry: { numRetries: 1 } },
    { retry: { attempts: 1, on: ['connectFailure', 'reset', 'timeout', 'error'] } },
  ],
  [
    'a fault that delays and aborts',
    {
      fault: {
        delay: { millionths: 1_000_000, fixedDelay: duration(5) },
        abort: { millionths: 10_000, reply: { code: 9 } },
      },
    },
    { fault: { delay: { percent: 100, ms: 5 }, abort: { percent: 1, reply: { reason: 'fault', code: 9 } } } },
  ],
  ['an abort alone', { fault: { abort: { millionths: 10_000 } } }, { fault: { abort: { percent: 1 } } }],
  [
    'a limit on some messages, for each value of its own',
    {
      rateLimits: [
        { match: { fields: [msgid] }, tokenBucket: { ...bucket, tokensPerFill: 2 }, per: ['uid'], name: 'n' },
      ],
    },
    {
      rateLimits: [
        {
          match: [{ field: 'msgid', exact: '7' }],
          maxTokens: 5,
          tokensPerFill: 2,
          fillIntervalMs: 1000,
          per: ['uid'],
          name: 'n',
        },
      ],
    },
  ],
  [
    'a limit on all messages',
    { rateLimits: [{ match: {}, tokenBucket: bucket }] },
    { rateLimits: [{ maxTokens: 5, tokensPerFill: 1, fillIntervalMs: 1000 }] },
  ],
  [
    'a limit that a service counts',
    {
      globalRateLimits: [
        {
          domain: 'd',
          cluster: 's',
          timeout: duration(30),
          sets: [
            {
              descriptors: [
                {
                  match: { fields: [msgid] },
                  denyOnFailure: true,
                  entries: [
                    { key: 'k', source: { case: 'value', value: '' } },
                    { key: 'u', source: { case: 'field', value: 'uid' }, skipIfAbsent: true },
                  ],
                },
                {
                  match: {},
                  entries: [
                    { key: 'ip', source: { case: 'sourceIp', value: true } },
                    { key: 'u', source: { case: 'field', value: 'uid' } },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
    {
      globalRateLimits: [
        {
          domain: 'd',
          cluster: 's',
          timeoutMs: 30,
          sets: [
            [
              {
                match: [{ field: 'msgid', exact: '7' }],
                denyOnFailure: true,
                entries: [
                  { key: 'k', value: '' },
                  { key: 'u', field: 'uid', skipIfAbsent: true },
                ],
              },
              {
                entries: [
                  { key: 'ip', sourceIp: true },
                  { key: 'u', field: 'uid' },
                ],
              },
            ],
          ],
        },
      ],
    },
  ],
])('a route has %s', (_, route, action) => {
  expect(actionOf(route)).toEqual({ destinations: [], ...action })
})

it('conditions on fields are taken as they are, each of its kind', () => {
  const fields = [
    msgid,
    { field: 'a', condition: { case: 'prefix', value: 'p' }, invert: true },
    { field: 'b', condition: { case: 'suffix', value: 's' } },
    { field: 'c', condition: { case: 'present', value: false } },
    { field: 'd', condition: { case: 'regex', value: '[a-z]+' } },
    {
      field: 'e',
      condition: {
        case: 'ranges',
        value: { ranges: [{ first: 1n, last: 1n }], above: [{ first: 2n ** 63n, last: 2n ** 64n - 1n }] },
      },
    },
    { field: 'f', condition: { case: 'oneOf', value: { values: ['x', 'y'] } } },
  ] as const
  expect(tableOf({ match: { fields: [...fields] } } as Route).routes[0]!.match).toEqual([
    { field: 'msgid', exact: '7' },
    { field: 'a', prefix: 'p', invert: true },
    { field: 'b', suffix: 's' },
    { field: 'c', present: false },
    { field: 'd', regex: '[a-z]+' },
    {
      field: 'e',
      ranges: [
        { first: 1n, last: 1n },
        { first: 2n ** 63n, last: 2n ** 64n - 1n },
      ],
    },
    { field: 'f', in: ['x', 'y'] },
  ])
})

it('a table has limits of its own and names those whose routes come first, but not itself', () => {
  const init = { name: 't', parts: ['u'], rateLimits: [{ tokenBucket: bucket }] }
  expect(readRouteTable(create(MessageRouteTableSchema, init))).toEqual({
    name: 't',
    parts: ['u'],
    routes: [],
    rateLimits: [{ maxTokens: 5, tokensPerFill: 1, fillIntervalMs: 1000 }],
  })
  const own = create(MessageRouteTableSchema, { ...init, parts: ['u', 't'] })
  expect(() => readRouteTable(own)).toThrow('parts: the table names itself')
})

it.each<[Route, string]>([
  [
    { name: 'r', clusters: [{ name: '', weight: 1 }] },
    'routes[0] "r".clusters[0].name: the name of the cluster is empty',
  ],
  [{ connectionMode: 9 as ConnectionMode }, 'routes[0].connection_mode: 9 is no connection mode'],
  [
    { match: { fields: [{ field: 'x', condition: { case: 'regex', value: '(' } }] } },
    'routes[0].match.fields[0].regex: ',
  ],
  [
    { match: { fields: [{ field: 'x', condition: { case: 'oneOf', value: {} } }] } },
    'fields[0].one_of: there is no value',
  ],
  [
    { match: { fields: [{ field: 'x', condition: { case: 'ranges', value: {} } }] } },
    'fields[0].ranges: there is no range',
  ],
  [
    { match: { fields: [{ condition: { case: 'present', value: true } }] } },
    'fields[0].field: the name of the field is empty',
  ],
  [{ hashKeys: [{ source: { case: 'field', value: '' } }] }, 'hash_keys[0]: a field or source_ip is needed'],
  [{ requestMutations: [{ field: 'x' }] }, 'request_mutations[0]: set or remove is needed'],
  [
    { responseMutations: [{ field: 'x', action: { case: 'remove', value: false } }] },
    'response_mutations[0]: set or remove',
  ],
  [{ rateLimits: [{}] }, 'rate_limits[0].token_bucket: a token bucket is needed'],
  [{ globalRateLimits: [{ cluster: 's' }] }, 'global_rate_limits[0].domain: the domain is empty'],
  [{ globalRateLimits: [{ domain: 'd' }] }, 'global_rate_limits[0].cluster: the name of the cluster is empty'],
  [
    {
      globalRateLimits: [
        {
          domain: 'd',
          cluster: 's',
          sets: [{ descriptors: [{ entries: [{ source: { case: 'value', value: 'v' } }] }] }],
        },
      ],
    },
    'sets[0].descriptors[0].entries[0].key: the key is empty',
  ],
  [
    {
      globalRateLimits: [
        {
          domain: 'd',
          cluster: 's',
          sets: [{ descriptors: [{ entries: [{ key: 'k', source: { case: 'sourceIp', value: false } }] }] }],
        },
      ],
    },
    'entries[0]: a value, a field or source_ip is needed',
  ],
])('what cannot be meant is refused by the name of its field: %#', (route, reason) => {
  expect(() => tableOf(route)).toThrow(reason)
})
