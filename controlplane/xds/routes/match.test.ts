import { describe, expect, it } from 'vitest'
import { routesOf } from './fixture.ts'

const rule = (match: string) => `- match: [${match}]\n  route: [{destination: {host: reviews}}]`
const matchOf = (match: string) => routesOf(rule(match))[0].match

describe('match', () => {
  it('without a match takes every path', () => {
    expect(routesOf('- route: [{destination: {host: reviews}}]')[0].match).toEqual({ prefix: '/' })
  })

  it.each([
    ['{uri: {exact: /a}}', { path: '/a', caseSensitive: true }],
    ['{uri: {prefix: /foo}}', { prefix: '/foo', caseSensitive: true }],
    ['{uri: {prefix: /}, ignoreUriCase: true}', { prefix: '/', caseSensitive: false }],
    ["{uri: {regex: '/v[0-9]+'}}", { safeRegex: { regex: '/v[0-9]+' }, caseSensitive: true }],
  ])('uri %s', (match, expected) => {
    expect(matchOf(match)).toEqual(expected)
  })

  it('compares headers in order of name, then method, authority and scheme', () => {
    const match =
      '{headers: {x-b: {exact: "1"}, x-a: {prefix: p}, x-c: {regex: ".*z"}}, method: {exact: GET}, authority: {exact: h}, scheme: {exact: http}}'
    expect(matchOf(match).headers).toEqual([
      { name: 'x-a', stringMatch: { prefix: 'p' } },
      { name: 'x-b', stringMatch: { exact: '1' } },
      { name: 'x-c', stringMatch: { safeRegex: { regex: '.*z' } } },
      { name: ':method', stringMatch: { exact: 'GET' } },
      { name: ':authority', stringMatch: { exact: 'h' } },
      { name: ':scheme', stringMatch: { exact: 'http' } },
    ])
  })

  it.each(['{}', "{regex: '*'}"])('takes %s as: the header is there', (condition) => {
    expect(matchOf(`{headers: {x-a: ${condition}}}`).headers).toEqual([{ name: 'x-a', presentMatch: true }])
  })

  it('withoutHeaders: inverted; a missing header counts as empty unless only presence is asked', () => {
    expect(matchOf('{withoutHeaders: {x-a: {}, x-b: {exact: y}}}').headers).toEqual([
      { name: 'x-a', presentMatch: true, invertMatch: true },
      { name: 'x-b', stringMatch: { exact: 'y' }, invertMatch: true, treatMissingHeaderAsEmpty: true },
    ])
  })

  it('query parameters, present or by value', () => {
    expect(matchOf('{queryParams: {b: {exact: "1"}, a: {}}}').queryParameters).toEqual([
      { name: 'a', presentMatch: true },
      { name: 'b', stringMatch: { exact: '1' } },
    ])
  })

  it('@request.auth.claims means a claim of the token, alone or in a list', () => {
    const [claim] = matchOf('{headers: {"@request.auth.claims[group][id]": {exact: a}}}').dynamicMetadata
    expect(claim.filter).toBe('envoy.filters.http.jwt_authn')
    expect(claim.path.map((step: { key: string }) => step.key)).toEqual(['payload', 'group', 'id'])
    expect(claim.value.orMatch.valueMatchers).toEqual([
      { listMatch: { oneOf: { stringMatch: { exact: 'a' } } } },
      { stringMatch: { exact: 'a' } },
    ])
  })

  it('several matches make several routes of one rule, in order', () => {
    const routes = routesOf(rule('{uri: {exact: /a}, name: first}, {uri: {exact: /b}}'))
    expect(routes.map((route) => [route.name, route.match.path])).toEqual([
      ['.first', '/a'],
      [undefined, '/b'],
    ])
  })

  it('nothing behind a match that takes everything is kept', () => {
    const rules = `${rule('{uri: {prefix: /}}')}\n- route: [{destination: {host: details}}]`
    expect(routesOf(rules)).toHaveLength(1)
  })

  describe('conditions on the caller', () => {
    const rules = (match: string) => `${rule(match)}\n- route: [{destination: {host: details}}]`
    const takes = (match: string, proxy = {}) => routesOf(rules(match), proxy).length === 2

    it('sourceLabels must all be labels of the proxy', () => {
      expect(takes('{sourceLabels: {app: a}, uri: {prefix: /x}}')).toBe(false)
      expect(takes('{sourceLabels: {app: a}, uri: {prefix: /x}}', { labels: { app: 'a', v: '1' } })).toBe(true)
    })

    it('sourceNamespace is the namespace of the proxy', () => {
      expect(takes('{sourceNamespace: default, uri: {prefix: /x}}')).toBe(true)
      expect(takes('{sourceNamespace: other, uri: {prefix: /x}}')).toBe(false)
    })

    it('port is the port the request is for', () => {
      expect(takes('{port: 80, uri: {prefix: /x}}')).toBe(true)
      expect(takes('{port: 81, uri: {prefix: /x}}')).toBe(false)
    })

    it('a match that names gateways is for these only, whatever the labels', () => {
      expect(takes('{gateways: [mesh], sourceLabels: {app: a}, uri: {prefix: /x}}')).toBe(true)
      expect(takes('{gateways: [edge], uri: {prefix: /x}}')).toBe(false)
    })
  })
})
