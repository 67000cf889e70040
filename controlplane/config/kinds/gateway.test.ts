import { describe, expect, it } from 'vitest'
import { checkNetworking } from '../../../test/helpers/config-documents.ts'

describe('Gateway', () => {
  const server = (fields: string) => checkNetworking('Gateway', `{servers: [{${fields}}]}`)
  const http = 'port: {number: 7, name: http, protocol: http}'
  const https = 'port: {number: 7, name: https, protocol: https}'
  const AT = 'spec.servers[0]'
  it.each([
    `hosts: [foo.bar.com], ${http}`,
    `hosts: [ns1/foo.bar.com, "*/a.b", ./c.d], ${http}`,
    `hosts: ["*"], ${http}, tls: {httpsRedirect: true}`,
    `hosts: ["*"], ${http}, bind: 127.0.0.1`,
    'hosts: ["*"], port: {number: 0, name: http, protocol: http}, bind: "unix://@foobar"',
    `hosts: ["*"], ${https}, tls: {mode: SIMPLE, credentialName: c}`,
    `hosts: ["*"], ${https}, tls: {mode: MUTUAL, serverCertificate: a, privateKey: b, caCertificates: c}`,
    `hosts: ["*"], ${https}, tls: {mode: SIMPLE, tlsCertificates: [{serverCertificate: a, privateKey: b}]}`,
    `hosts: ["*"], ${https}, tls: {mode: PASSTHROUGH}`,
    `hosts: ["*"], ${https}, tls: {mode: ISTIO_MUTUAL}`,
  ])('takes %s', (fields) => expect(server(fields)).toEqual([]))

  it.each([
    [`hosts: [], ${http}`, `FIELD_VALUE ${AT}.hosts`],
    [`hosts: [foo], ${http}`, `FIELD_VALUE ${AT}.hosts[0]`],
    ['hosts: [a.b], port: {number: 66000, name: http, protocol: http}', `FIELD_VALUE ${AT}.port.number`],
    ['hosts: [a.b], port: {number: 1, name: http, protocol: htp}', `FIELD_VALUE ${AT}.port.protocol`],
    ['hosts: [a.b], port: {number: 1, name: "", protocol: http}', `FIELD_VALUE ${AT}.port.name`],
    [`hosts: [a.b], ${http}, bind: foo.bar`, `FIELD_VALUE ${AT}.bind`],
    [`hosts: [a.b], ${http}, bind: "unix://@x"`, `FIELD_VALUE ${AT}.port.number`],
    [`hosts: [a.b], ${https}`, `FIELD_REQUIRED ${AT}.tls`],
    [`hosts: [a.b], ${https}, tls: {mode: SIMPLE, serverCertificate: a}`, `FIELD_REQUIRED ${AT}.tls.privateKey`],
    [
      `hosts: [a.b], ${https}, tls: {mode: MUTUAL, serverCertificate: a, privateKey: b}`,
      `FIELD_REQUIRED ${AT}.tls.caCertificates`,
    ],
    [`hosts: [a.b], ${https}, tls: {mode: ISTIO_MUTUAL, credentialName: b}`, `FIELD_CONFLICT ${AT}.tls.credentialName`],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialName: b, credentialNames: [c]}`,
      `FIELD_CONFLICT ${AT}.tls.credentialNames`,
    ],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialNames: [a, b, c]}`,
      `FIELD_VALUE ${AT}.tls.credentialNames`,
    ],
    [`hosts: [a.b], ${https}, tls: {mode: PASSTHROUGH, credentialName: a}`, `FIELD_NO_EFFECT ${AT}.tls.credentialName`],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialName: a, cipherSuites: [NONE]}`,
      `FIELD_NO_EFFECT ${AT}.tls.cipherSuites[0]`,
    ],
    [
      `hosts: [a.b], ${https}, tls: {mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_0}`,
      `FIELD_QUESTIONABLE ${AT}.tls.minProtocolVersion`,
    ],
  ])('refuses %s', (fields, problem) => expect(server(fields)).toEqual([problem]))

  it('a port has one name, and a gateway at least one server', () => {
    expect(checkNetworking('Gateway', `{servers: [{hosts: [a.b], ${http}}, {hosts: [c.d], ${http}}]}`)).toEqual([
      'FIELD_VALUE spec.servers[1].port.name',
    ])
    expect(checkNetworking('Gateway', '{servers: []}')).toEqual(['FIELD_REQUIRED spec.servers'])
  })
})
