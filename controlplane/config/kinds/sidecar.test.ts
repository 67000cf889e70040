import { describe, expect, it } from 'vitest'
import { brief, checkNetworking, checkYaml } from '../../../test/helpers/config-documents.ts'

describe('Sidecar', () => {
  const check = (fields: string) => checkNetworking('Sidecar', `{${fields}}`)
  const ingress = (fields: string) =>
    check(`ingress: [{port: {number: 90, protocol: http, name: foo}, ${fields}}], egress: [{hosts: ["./*"]}]`)
  it.each([
    'egress: [{hosts: ["./*", "istio-system/*"]}]',
    'ingress: [{port: {number: 90, protocol: http, name: foo}, defaultEndpoint: "127.0.0.1:99"}]',
    'egress: [{port: {number: 8888, protocol: http, name: foo}, hosts: ["*/foo.com"]}, {hosts: ["ns/bar.com"]}]',
    'egress: [{port: {number: 0, protocol: http, name: foo}, bind: unix:///x, hosts: ["*/*"]}]',
    'outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, port: {number: 80}}}',
    'workloadSelector: {labels: {app: a}}, egress: [{hosts: ["~/*"]}]',
  ])('takes %s', (fields) => expect(check(fields)).toEqual([]))

  it.each([
    ['', 'FIELD_VALUE spec'],
    ['egress: [{captureMode: IPTABLES, hosts: ["*/*"]}]', 'FIELD_UNSUPPORTED spec.egress[0].captureMode'],
    ['egress: [{hosts: []}]', 'FIELD_VALUE spec.egress[0].hosts'],
    ['egress: [{hosts: [foo.com]}]', 'FIELD_VALUE spec.egress[0].hosts[0]'],
    ['egress: [{hosts: ["*/*"]}, {hosts: ["*/*"]}]', 'FIELD_VALUE spec.egress[0]'],
    ['egress: [{hosts: ["./a.b", "default/a.b"]}]', 'FIELD_QUESTIONABLE spec.egress[0].hosts[1]'],
    ['egress: [{port: {number: 0, protocol: http}, hosts: ["*/*"]}]', 'FIELD_VALUE spec.egress[0].bind'],
    [
      'egress: [{port: {number: 8, protocol: http, name: a}, hosts: ["*/*"]}, {port: {number: 8, name: b}, hosts: ["*/*"]}]',
      'FIELD_VALUE spec.egress[1].port.number',
    ],
    [
      'egress: [{port: {number: 8, targetPort: 9}, hosts: ["*/*"]}]',
      'FIELD_DEPRECATED spec.egress[0].port.targetPort',
      'FIELD_VALUE spec.egress[0].port.targetPort',
    ],
    [
      'outboundTrafficPolicy: {egressProxy: {host: a.b, port: {number: 80}}}',
      'FIELD_VALUE spec.outboundTrafficPolicy.egressProxy',
    ],
    [
      'outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b}}',
      'FIELD_REQUIRED spec.outboundTrafficPolicy.egressProxy.port',
    ],
  ])('refuses %s', (fields, ...problems) => expect(check(fields)).toEqual(problems))

  it.each([
    ['defaultEndpoint: "1.1.1.1:90"', 'FIELD_VALUE spec.ingress[0].defaultEndpoint'],
    ['defaultEndpoint: "127.0.0.1:x"', 'FIELD_VALUE spec.ingress[0].defaultEndpoint'],
    ['defaultEndpoint: "127.0.0.1:70000"', 'FIELD_VALUE spec.ingress[0].defaultEndpoint'],
    ['tls: {mode: SIMPLE, serverCertificate: a, privateKey: b}', 'FIELD_VALUE spec.ingress[0].tls'],
    ['bind: a.b', 'FIELD_VALUE spec.ingress[0].bind'],
  ])('ingress %s', (fields, problem) => expect(ingress(fields)).toEqual([problem]))

  it.each([
    ['meshgate.io/lazy: "false", meshgate.io/lazy-virtual-hosts: "true"', []],
    ['meshgate.io/lazy: "True"', ['FIELD_VALUE metadata.annotations["meshgate.io/lazy"]']],
    ['meshgate.io/lazy-virtual-hosts: "no"', ['FIELD_VALUE metadata.annotations["meshgate.io/lazy-virtual-hosts"]']],
  ])('annotations {%s}', (annotations, problems) => {
    const yaml = `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: scope, annotations: {${annotations}}}
spec: {egress: [{hosts: ["*/*"]}]}
`
    expect(brief(checkYaml(yaml))).toEqual(problems)
  })
})
