import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { fullRegistry } from '../../proto/registry.ts'
import { resourceJson } from './dump.ts'

const KEY = 'very secret key'

function secretJson(json: JsonValue, secrets = false) {
  const bytes = toBinary(SecretSchema, fromJson(SecretSchema, json))
  return resourceJson({ type: 'sds', bytes }, { secrets })
}

describe('dumps hide what the API marks as sensitive', () => {
  test('private keys and passwords of a secret, not its certificate', () => {
    const certificate = {
      certificateChain: { inlineString: 'public' },
      privateKey: { inlineString: KEY },
      password: { inlineString: KEY },
    }
    expect(secretJson({ name: 'a', tlsCertificate: certificate })).toEqual({
      name: 'a',
      tlsCertificate: {
        certificateChain: { inlineString: 'public' },
        privateKey: { inlineString: '[redacted]' },
        password: { inlineString: '[redacted]' },
      },
    })
  })

  test('session ticket keys and generic secrets', () => {
    expect(secretJson({ name: 'a', sessionTicketKeys: { keys: [{ inlineBytes: 'AAAA' }] } })).toEqual({
      name: 'a',
      sessionTicketKeys: { keys: [{ inlineBytes: '[redacted]' }] },
    })
    expect(secretJson({ name: 'a', genericSecret: { secret: { inlineString: KEY } } })).toEqual({
      name: 'a',
      genericSecret: { secret: { inlineString: '[redacted]' } },
    })
  })

  test('names of key files stay', () => {
    const json = { name: 'a', tlsCertificate: { privateKey: { filename: 'key.pem' } } }
    expect(secretJson(json)).toEqual(json)
  })

  test('unless a file is written that Envoy shall run', () => {
    const json = { name: 'a', genericSecret: { secret: { inlineString: KEY } } }
    expect(secretJson(json, true)).toEqual(json)
  })

  test('keys inside Any, in lists, and of filters known to Envoy only', () => {
    const listener = fromJson(
      ListenerSchema,
      {
        name: 'l',
        filterChains: [
          {
            transportSocket: {
              name: 'tls',
              typedConfig: {
                '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
                commonTlsContext: { tlsCertificates: [{ privateKey: { inlineString: KEY } }] },
              },
            },
            filters: [
              {
                name: 'redis',
                typedConfig: {
                  '@type': 'type.googleapis.com/envoy.extensions.filters.network.redis_proxy.v3.RedisProxy',
                  statPrefix: 'r',
                  downstreamAuthPasswords: [{ inlineString: KEY }],
                },
              },
            ],
          },
        ],
      },
      { registry: fullRegistry() },
    )
    const text = JSON.stringify(resourceJson({ type: 'lds', bytes: toBinary(ListenerSchema, listener) }))
    expect(text).not.toContain(KEY)
    expect(text.match(/\[redacted\]/g)).toHaveLength(2)
    expect(text).toContain('"statPrefix":"r"')
  })
})
