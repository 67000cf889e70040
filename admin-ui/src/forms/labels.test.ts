import { describe, expect, it } from 'vitest'
import { fieldLabel } from './labels.ts'

describe('the label of a field', () => {
  it.each([
    ['maxConnections', 'Max connections'],
    ['per_try_timeout', 'Per try timeout'],
    ['tcpKeepalive', 'TCP keepalive'],
    ['h2UpgradePolicy', 'HTTP/2 upgrade policy'],
    ['http2KeepAlive', 'HTTP/2 keep alive'],
    ['ignoreUriCase', 'Ignore URI case'],
    ['portLevelMtls', 'Port level mTLS'],
    ['zoneAwareLbSetting', 'Zone aware load balancing setting'],
    ['consecutive5xxErrors', 'Consecutive 5xx errors'],
    ['http1MaxPendingRequests', 'Max pending requests'],
  ])('is words in English: %s is "%s"', (name, label) => {
    expect(fieldLabel(name, 'en')).toBe(label)
  })

  it('is the Chinese name, or its own where there is none', () => {
    expect(fieldLabel('max_connections', 'zh')).toBe('最大连接数')
    expect(fieldLabel('jwksUri', 'zh')).toBe('jwksUri')
  })

  it('is the key itself in a map of people', () => {
    expect(fieldLabel('x-user', 'en')).toBe('x-user')
    expect(fieldLabel('constructor', 'zh')).toBe('constructor')
  })
})
