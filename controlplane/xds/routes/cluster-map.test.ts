import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MatcherSchema } from '../../../proto/gen/xds/type/matcher/v3/matcher_pb.ts'
import { clusterMap, fewestPrefixes, type Lead } from './cluster-map.ts'

/** What Envoy answers: the longest known prefix counts. */
function lookUp(prefixes: readonly Lead[], authority: string): string | undefined {
  const fits = prefixes.filter((prefix) => authority.startsWith(prefix.authority))
  return fits.sort((a, b) => b.authority.length - a.authority.length)[0]?.cluster
}

const leadsOf = (map: Readonly<Record<string, string>>): readonly Lead[] =>
  Object.entries(map).map(([authority, cluster]) => ({ authority, cluster }))
const prefixesOf = (map: Readonly<Record<string, string>>) =>
  Object.fromEntries(fewestPrefixes(leadsOf(map)).map(({ authority, cluster }) => [authority, cluster]))

it('the shortest name of a service stands for its other names', () => {
  const names = ['reviews', 'reviews.shop', 'reviews.shop.svc', 'reviews.shop.svc.cluster.local']
  const all = names.flatMap((name) => [name, `${name}:80`])
  expect(prefixesOf(Object.fromEntries(all.map((name) => [name, 'r'])))).toEqual({ reviews: 'r' })
})

it('what leads elsewhere is told, and so is what comes behind it', () => {
  const map = { a: '1', 'a:80': '1', 'a:8080': '2', 'a:81': '3', 'a.b': '4', 'a.b.c': '1', ab: '1' }
  expect(prefixesOf(map)).toEqual({ a: '1', 'a:8080': '2', 'a:81': '3', 'a.b': '4', 'a.b.c': '1' })
  expect(prefixesOf({ 'a:80': '1', 'a:8080': '2', 'a:808': '1' })).toEqual({ 'a:80': '1', 'a:8080': '2' })
})

it('each authority leads where it led, whatever begins with whatever', () => {
  const part = fc.constantFrom('a', 'b', '.', ':', '8', '0', 'a.b', ':80', ':8080')
  const authority = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
  const leads = fc.uniqueArray(fc.record({ authority, cluster: fc.constantFrom('1', '2', '3') }), {
    selector: (lead) => lead.authority,
    maxLength: 40,
  })
  fc.assert(
    fc.property(leads, (all) => {
      const prefixes = fewestPrefixes(all)
      for (const lead of all) expect(lookUp(prefixes, lead.authority)).toBe(lead.cluster)
      for (const left of prefixes) {
        const others = prefixes.filter((one) => one !== left)
        expect(all.some((lead) => lookUp(others, lead.authority) !== lead.cluster)).toBe(true)
      }
    }),
    { numRuns: 2000 },
  )
})

it('the bytes are a matcher of prefixes of the authority', () => {
  const { typeUrl, value } = clusterMap([
    { authority: 'a.test', cluster: 'one' },
    { authority: 'b.test', cluster: 'ü'.repeat(100) },
  ])
  expect(typeUrl).toBe(
    'type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier',
  )
  // MatcherClusterSpecifier has one field, cluster_matcher = 1: before the matcher stand its tag and its length.
  const start = value.findIndex((byte, index) => index > 0 && byte < 128) + 1
  const { matcherType } = fromBinary(MatcherSchema, value.subarray(start))
  const tree = matcherType.case === 'matcherTree' ? matcherType.value.treeType : undefined
  expect(tree?.case).toBe('prefixMatchMap')
  expect(Object.keys(tree?.case === 'prefixMatchMap' ? tree.value.map : {})).toEqual(['a.test', 'b.test'])
})
