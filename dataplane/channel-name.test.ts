import { expect, test } from 'vitest'
import { channelName, reverseName } from './channel-name.ts'

test('a server is what the user calls it, else what it is reached by; an address is asked for by its reverse mapping', () => {
  const name = (host: string, serverName?: string) => {
    const { options, verified } = channelName(host, serverName)
    return [options['grpc.ssl_target_name_override'], verified]
  }
  expect(name('10.0.0.1', 'plane.test')).toEqual(['plane.test', 'plane.test'])
  expect(name('plane.test')).toEqual([undefined, 'plane.test'])
  expect(name('10.0.0.1')).toEqual(['1.0.0.10.in-addr.arpa', '10.0.0.1'])
  expect(name('::1')).toEqual([`1.${'0.'.repeat(31)}ip6.arpa`, '::1'])
})

test.each([
  ['2001:db8::567:89ab', 'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'],
  ['::ffff:1.2.3.4', '4.0.3.0.2.0.1.0.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa'],
  ['1:2:3:4:5:6:7:8', '8.0.0.0.7.0.0.0.6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.ip6.arpa'],
  ['fe80::1%eth0', '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa'],
])('the reverse mapping of %s', (address, name) => {
  expect(reverseName(address)).toBe(name)
})
