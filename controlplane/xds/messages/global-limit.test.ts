import type { JsonObject } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { gameService, messageView } from './fixture.ts'

const A = gameService('test.serviceA')
const B = gameService('test.serviceB', 12346)
const limitsOf = (yaml: string, table = 'game.12345') =>
  ((messageView(yaml).json('mrds', table)['routes'] as JsonObject[]) ?? []).map((route) => route['globalRateLimits'])

const document = (spec: string, name = 'calls') => `
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: ${name}}
spec: {shared: true, ${spec}}
---`
const bucket = 'tokenBucket: {maxTokens: 5, fillInterval: 1s}'
const router = `
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: one}
spec: {msgid: 1, svrName: test.serviceB}
---`

describe('limits of RateLimit documents', () => {
  it('hold for every route to their hosts; of a document the first that matches counts, alone', () => {
    const yaml =
      A +
      B +
      router +
      document(
        `hosts: [test.serviceB], limits: [{match: {uid: 7}, ${bucket}, onFailure: deny}, {per: [uid, sourceIp], ${bucket}}]`,
      )
    const rule = (index: number) => ({ key: 'generic_key', value: `default/calls/${index}` })
    expect(limitsOf(yaml)).toEqual([
      [
        {
          domain: 'meshgate',
          cluster: 'xds-grpc',
          timeout: '0.020s',
          sets: [
            {
              descriptors: [
                { match: { fields: [{ field: 'uid', exact: '7' }] }, entries: [rule(0)], denyOnFailure: true },
                {
                  entries: [
                    rule(1),
                    { key: 'uid', field: 'uid', skipIfAbsent: true },
                    { key: 'remote_address', sourceIp: true, skipIfAbsent: true },
                  ],
                },
              ],
            },
          ],
        },
      ],
      undefined,
    ])
  })

  it('without hosts they hold for all; several documents are several sets of one question', () => {
    const yaml =
      A +
      B +
      router +
      document(`limits: [{${bucket}}]`) +
      document(`hosts: [test.serviceA], limits: [{${bucket}}]`, 'more')
    const rules = limitsOf(yaml).map((limits) => JSON.stringify(limits).match(/default\/\w+\/0/g))
    expect(rules).toEqual([['default/calls/0'], ['default/calls/0', 'default/more/0']])
  })

  it('may be waited for as long as the mesh says', () => {
    const waiting = (spec: string) => {
      const mesh = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: ${spec}
---`
      return JSON.stringify(limitsOf(mesh + A + router + document(`limits: [{${bucket}}]`)))
    }
    expect(waiting('{}')).toContain('0.020s')
    expect(waiting('{rateLimitTimeout: 150ms}')).toContain('0.150s')
  })

  it('a service of its own is a cluster, for those proxies alone that ask it', () => {
    const mesh = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {rateLimitService: "10.0.0.5:18081"}
---`
    const limited = messageView(mesh + A + document(`limits: [{${bucket}}]`))
    expect(limited.names('cds')).toEqual(['outbound|12345||test.servicea', 'ratelimit'])
    expect(JSON.stringify(limited.json('cds', 'ratelimit'))).toContain('10.0.0.5')
    expect(messageView(mesh + A).names('cds')).toEqual(['outbound|12345||test.servicea'])
  })
})

describe('globalRateLimit of a MetaRouter', () => {
  const meta = (spec: string) => `
apiVersion: metaprotocol.aeraki.io/v1alpha1
kind: MetaRouter
metadata: {name: limited}
spec: {hosts: [test.serviceA], ${spec}}
---`
  const limit = (more: string) =>
    `globalRateLimit: {domain: production, match: {attributes: {uid: {exact: "7"}}}, requestTimeout: 100ms, denyOnFail: true,
      descriptors: [{property: msgid, descriptorKey: method}, {property: uid, descriptorKey: user}], ${more}}`

  it('is asked for every message of its hosts, with a descriptor for each property', () => {
    const service = 'rateLimitService: outbound|12346||test.serviceb'
    const descriptor = (field: string, key: string) => ({
      descriptors: [
        { match: { fields: [{ field: 'uid', exact: '7' }] }, entries: [{ key, field }], denyOnFailure: true },
      ],
    })
    const yaml = A + B + meta(limit(service))
    expect(limitsOf(yaml)).toEqual([
      [
        {
          domain: 'production',
          cluster: 'outbound|12346||test.serviceb',
          timeout: '0.100s',
          sets: [descriptor('msgid', 'method'), descriptor('uid', 'user')],
        },
      ],
    ])
    // The proxy gets the cluster of the service.
    expect(messageView(yaml).names('cds')).toContain('outbound|12346||test.serviceb')
  })

  it('without a service named it asks the one of the mesh', () => {
    expect(JSON.stringify(limitsOf(A + meta(limit(''))))).toContain('"cluster":"xds-grpc"')
  })
})
