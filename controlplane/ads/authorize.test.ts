import { describe, expect, test } from 'vitest'
import type { NodeInfo } from '../xds/resource.ts'
import { authorize, identitiesIn } from './authorize.ts'
import type { Peer } from './transport.ts'

const node = (id: string, metadata: Record<string, unknown> = {}): NodeInfo => ({
  id,
  cluster: '',
  metadata,
  locality: { region: '', zone: '', subZone: '' },
  userAgent: '',
  protocol: 'delta',
  secretsAllowed: false,
})

const peer = (subjectAltName: string): Peer => ({
  address: 'x',
  local: false,
  identities: identitiesIn(subjectAltName),
})
const REVIEWS = 'sidecar~10.0.0.1~reviews.shop~shop.svc.cluster.local'
const SPIFFE = 'URI:spiffe://cluster.local/ns/shop/sa/reviews'

describe('without a client certificate', () => {
  test('every claim is taken; only this machine gets secrets', () => {
    const anywhere = { address: 'x', local: false, identities: undefined }
    expect(authorize(node('anything'), anywhere)).toMatchObject({ node: { secretsAllowed: false } })
    expect(authorize(node('anything'), { ...anywhere, local: true })).toMatchObject({ node: { secretsAllowed: true } })
  })
})

describe('with a client certificate, a node may claim', () => {
  const cases: readonly (readonly [what: string, names: string, node: NodeInfo, allowed: boolean])[] = [
    ['its service account as workload', SPIFFE, node(REVIEWS), true],
    ['an instance of it', SPIFFE, node('sidecar~10.0.0.1~reviews-7d4b.shop~x'), true],
    ['another workload that only begins alike', SPIFFE, node('sidecar~10.0.0.1~reviewsx.shop~x'), false],
    ['another workload', SPIFFE, node('sidecar~10.0.0.1~ratings.shop~x'), false],
    [
      'another workload that runs under its account',
      SPIFFE,
      node('sidecar~1~v2.shop~x', { SERVICE_ACCOUNT: 'reviews' }),
      true,
    ],
    ['another account', SPIFFE, node(REVIEWS, { SERVICE_ACCOUNT: 'admin' }), false],
    ['another namespace in its id', SPIFFE, node('sidecar~10.0.0.1~reviews.bank~x'), false],
    ['another namespace in its metadata', SPIFFE, node('any', { NAMESPACE: 'bank' }), false],
    ['two namespaces at once', SPIFFE, node(REVIEWS, { NAMESPACE: 'bank' }), false],
    ['its workload by DNS name', 'DNS:reviews.shop.svc.cluster.local', node(REVIEWS), true],
    ['another workload than its DNS name', 'DNS:ratings.shop', node(REVIEWS), false],
    ['one of several names', `DNS:x.y, ${SPIFFE}`, node(REVIEWS), true],
    [
      'anything, when the certificate names nobody we know',
      'DNS:localhost, IP Address:127.0.0.1',
      node(REVIEWS),
      false,
    ],
    ['a namespace that is a number', SPIFFE, node('any', { NAMESPACE: 7 }), true],
  ]
  test.each(cases)('%s', (_what, names, claimed, allowed) => {
    expect('node' in authorize(claimed, peer(names))).toBe(allowed)
  })

  test('nothing: then the certificate says it, and secrets may be sent', () => {
    expect(authorize(node('any'), peer(SPIFFE))).toMatchObject({
      node: { metadata: { NAMESPACE: 'shop', SERVICE_ACCOUNT: 'reviews' }, secretsAllowed: true },
    })
  })

  test('no namespace, while the certificate has several: it must say which', () => {
    expect(authorize(node('any'), peer('DNS:a.one, DNS:b.two'))).toMatchObject({ refused: /say which/ })
  })

  test('a refusal says what was claimed and what the certificate is for', () => {
    const { refused } = authorize(node('sidecar~1~ratings.bank~x'), peer(SPIFFE)) as { refused: string }
    expect(refused).toMatch(/namespace bank, workload ratings/)
    expect(refused).toMatch(/spiffe:\/\/cluster.local\/ns\/shop\/sa\/reviews/)
  })
})

describe('names in a certificate', () => {
  test('SPIFFE ids and DNS names count; the rest does not', () => {
    const names = `${SPIFFE}, DNS:web.shop.svc, DNS:single, IP Address:10.0.0.1, URI:https://x/ns/a/sa/b, email:a@b`
    expect(identitiesIn(names).map(({ text }) => text)).toEqual([
      'spiffe://cluster.local/ns/shop/sa/reviews',
      'web.shop.svc',
    ])
  })

  test('a comma inside a name does not make two of it', () => {
    expect(identitiesIn('URI:"https://x/, URI:spiffe://cluster.local/ns/bank/sa/admin"')).toEqual([])
  })

  test('other trust domains do not count when one is given', () => {
    expect(identitiesIn(SPIFFE, 'other.example')).toEqual([])
    expect(identitiesIn(SPIFFE, 'cluster.local')).toHaveLength(1)
  })

  test('a path below the service account is another identity', () => {
    expect(identitiesIn('URI:spiffe://cluster.local/ns/shop/sa/reviews/extra')).toEqual([])
  })
})
