import { describe, expect, it } from 'vitest'
import { cidrProblem, leadsToItself, splitHostPort, subnetProblem, unixPathProblem } from './address.ts'
import { exportToProblems } from './export-to.ts'
import {
  headerValueProblem,
  isJwtClaim,
  matchHeaderProblem,
  plainHeaderProblem,
  requestHeaderProblem,
} from './header.ts'
import { labelKeyProblem, labelValueProblem } from './label.ts'
import { protocolClass } from './protocol.ts'
import { regexProblem } from './regex.ts'

describe('addresses', () => {
  it.each(['10.0.0.0/8', '0.0.0.0/0', '2001:1::1/64', '1.1.1.1/32'])('%s is a block', (text) =>
    expect(cidrProblem(text)).toBeUndefined(),
  )
  it.each([
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/08',
    '10.0.0.0/',
    '/8',
    'a/8',
    '::1/129',
    'fe80::1%eth0/64',
    '1.1.1.1/1/1',
  ])('%s is none', (text) => expect(cidrProblem(text)).toBeDefined())
  it.each([
    ['', ''],
    ['', '127.0.0.1:80'],
    ['', ':80'],
    ['0.0.0.0', '0.0.0.0:80'],
    ['127.0.0.1', ''],
    ['127.0.0.1', '0.0.0.0:+80'],
    ['::', '[::1]:80'],
    ['::1', '[::]:80'],
  ])('a listener on port 80 of "%s" whose endpoint is "%s" leads to itself', (bind, endpoint) =>
    expect(leadsToItself(bind, 80, endpoint)).toBe(true),
  )
  it.each([
    ['', '127.0.0.1:81'],
    ['', '[::1]:80'],
    ['', 'unix:///80'],
    ['10.0.0.1', ''],
    ['10.0.0.1', '0.0.0.0:80'],
    ['::', '127.0.0.1:80'],
    ['127.0.0.1', '[::]:80'],
    ['', 'nonsense'],
  ])('one of "%s" whose endpoint is "%s" does not', (bind, endpoint) =>
    expect(leadsToItself(bind, 80, endpoint)).toBe(false),
  )
  it('an address may stand for a block', () => {
    expect(subnetProblem('1.2.3.4')).toBeUndefined()
    expect(subnetProblem('001:db8::')).toBeUndefined()
    expect(subnetProblem('1.2.3')).toBeDefined()
  })
  it('a UNIX path is absolute or abstract, and no folder', () => {
    expect(unixPathProblem('/var/run/x')).toBeUndefined()
    expect(unixPathProblem('@x')).toBeUndefined()
    for (const path of ['', 'x', '/var/']) expect(unixPathProblem(path)).toBeDefined()
  })
  it('splits host and port', () => {
    expect(splitHostPort('127.0.0.1:80')).toEqual({ host: '127.0.0.1', port: '80' })
    expect(splitHostPort('[::1]:80')).toEqual({ host: '::1', port: '80' })
    expect(splitHostPort(':80')).toEqual({ host: '', port: '80' })
    for (const text of ['80', '::1:80', 'a:b:c', '[::1]']) expect(splitHostPort(text)).toBeUndefined()
  })
})

describe('headers', () => {
  it('a match may name a header, a pseudo header or a claim', () => {
    for (const name of ['x-user', ':authority', ':path', '@request.auth.claims.group', '@request.auth.claims[a][b]'])
      expect(matchHeaderProblem(name)).toBeUndefined()
    for (const name of ['', 'x user', ':other', '@request.auth.claims', '@request.auth.claims[]'])
      expect(matchHeaderProblem(name)).toBeDefined()
    expect(isJwtClaim('@Request.Auth.Claims.group')).toBe(true)
  })
  it('only the authority of the pseudo headers can be set, and nothing of them removed', () => {
    expect(requestHeaderProblem(':authority')).toBeUndefined()
    expect(requestHeaderProblem('host')).toBeUndefined()
    expect(requestHeaderProblem(':path')).toBeDefined()
    expect(plainHeaderProblem('Host')).toBeDefined()
    expect(plainHeaderProblem(':authority')).toBeDefined()
  })
  it.each([
    '',
    'foo',
    '%HOSTNAME%',
    '100%%',
    'prefix %HOSTNAME% suffix',
    '%REQ(X)%',
    '%DYNAMIC_METADATA(["a", "b"])%',
    '%START_TIME(%Y)%',
    'a\tb',
  ])('%j is a header value', (value) => expect(headerValueProblem(value)).toBeUndefined())
  it.each(['abc%123', '%START_TIME%%', '100%', '%REQ(X%', '%REQ(X)', 'a\nb', '%M(["a"%', '%M([a])%'])(
    '%j is none',
    (value) => expect(headerValueProblem(value)).toBeDefined(),
  )
})

describe('labels', () => {
  it.each(['a', 'a.b/c', 'app.kubernetes.io/name', 'A_b-c.1'])('%s is a key', (key) =>
    expect(labelKeyProblem(key)).toBeUndefined(),
  )
  it.each(['', '-a', 'a/', '/a', 'a/b/c', 'a b', 'x'.repeat(64)])('%j is none', (key) =>
    expect(labelKeyProblem(key)).toBeDefined(),
  )
  it('a value may be empty', () => {
    expect(labelValueProblem('')).toBeUndefined()
    expect(labelValueProblem('v1.2_3')).toBeUndefined()
    expect(labelValueProblem('v1/2')).toBeDefined()
  })
})

describe('regular expressions are those of RE2', () => {
  it.each(['.*', '^a+b?$', '(?i)abc', '(?P<name>x)', '[[:alpha:]]{3}'])('%s is one', (text) =>
    expect(regexProblem(text)).toBeUndefined(),
  )
  it.each(['', '*', '(', 'a**', '(?=x)', '\\1', '(a{1000}){1000}', 'a'.repeat(1025)])('%s is none', (text) =>
    expect(regexProblem(text)).toBeDefined(),
  )
})

describe('exportTo', () => {
  const problems = (list: readonly string[], options = {}) =>
    exportToProblems(list, 'own', options).map(({ index }) => index)
  it.each([[['*']], [['.']], [['a', 'b']], [['.', 'b']], [[]]])('%j is right', (list) =>
    expect(problems(list)).toEqual([]),
  )
  it('says the same thing once', () => expect(problems(['.', 'own'])).toEqual([1]))
  it('has * alone', () => expect(problems(['*', 'a'])).toEqual([-1]))
  it('has ~ for services only', () => {
    expect(problems(['~'])).toEqual([0])
    expect(problems(['~'], { service: true })).toEqual([])
  })
  it('of a rule with a selector is the own namespace', () => {
    expect(problems(['.'], { ownNamespaceOnly: true })).toEqual([])
    expect(problems(['other'], { ownNamespaceOnly: true })).toEqual([-1])
  })
})

it('protocol names have no case', () => {
  expect(protocolClass('HtTp2')).toBe('http')
  expect(protocolClass('tls')).toBe('tls')
  expect(protocolClass('constructor')).toBeUndefined()
})
