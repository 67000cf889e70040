import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { grpcBackend } from '../helpers/grpc-programs.ts'
import { meshSettings, rulesFor, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePorts } from '../helpers/ports.ts'
import { ask, type HttpMesh, MODES, startHttpMesh } from './http-mesh.ts'

const BINARY = 'application/grpc-web+proto'
const TEXT = 'application/grpc-web-text+proto'
/** A message of gRPC: not compressed, its length, its bytes. */
const HELLO = '\0\0\0\0\x02hi'

/** What a browser sends, and what it reads of the answer: the message, and behind it in the body the status. */
async function fromBrowser(port: number, host: string, contentType = BINARY) {
  const body = contentType === TEXT ? Buffer.from(HELLO).toString('base64') : HELLO
  const headers = { 'content-type': contentType, accept: contentType, 'x-grpc-web': '1', origin: 'http://page.test' }
  const answer = await ask(port, host, '/test.Echo/Say', { method: 'POST', body, headers })
  // Frames one by one in base64, each padded for itself.
  const parts = contentType === TEXT ? (answer.body.match(/[^=]+=*/g) ?? []) : []
  const text = parts.length > 0 ? parts.map((part) => Buffer.from(part, 'base64')).join('') : answer.body
  const [, said, trailers] = /^.{5}([a-z]*)[^a-z]+(grpc-.*)/s.exec(text) ?? []
  return { answer, read: { status: answer.status, type: answer.headers['content-type'], said, trailers } }
}

const ANSWERED = { status: 200, type: BINARY, said: 'web', trailers: expect.stringContaining('grpc-status:0') }

const grpcPort = (protocol: string) => `{number: 80, name: first, protocol: ${protocol}}`
let upstreams: { web: { port: number }; plain: Upstream }

beforeAll(async () => {
  const [web, plain] = await Promise.all([grpcBackend('web'), startEcho('plain')])
  upstreams = { web, plain }
})

describe.each(MODES)('gRPC-Web through a sidecar, %s', (mode) => {
  let mesh: HttpMesh
  let ports: { http: number; ingress: number; egress: number }

  beforeAll(async () => {
    const [http, ingress, egress] = (await freePorts(3)) as [number, number, number]
    ports = { http, ingress, egress }
    mesh = await startHttpMesh({
      mode,
      id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local',
      metadata: { HTTP_PROXY_PORT: http },
      yaml: `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec:
  ingress: [{port: {number: ${ingress}, protocol: GRPC-WEB, name: in}, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:${upstreams.web.port}"}]
  egress:
  - {port: {number: ${egress}, protocol: GRPC-WEB, name: out}, hosts: ["./*"]}
  - {hosts: ["./*"]}
${serviceAt('web', [upstreams.web], grpcPort('GRPC-WEB'))}
${serviceAt('named', [upstreams.web], '{number: 80, name: grpc-web-in}')}
${serviceAt('grpc', [upstreams.web], grpcPort('GRPC'))}
${serviceAt('other', [upstreams.web], `{number: ${egress}, name: first, protocol: GRPC}`)}
${serviceAt('plain', [upstreams.plain])}
${rulesFor('split.test', '- route: [{destination: {host: web}, weight: 50}, {destination: {host: named}, weight: 50}]')}
${rulesFor('cors.test', '- corsPolicy: {allowOrigins: [{exact: "http://page.test"}], exposeHeaders: [grpc-status]}\n  route: [{destination: {host: web}}]')}
${meshSettings('lazyVirtualHosts: true')}
`,
    })
  })
  afterAll(() => mesh.stop())

  it.each(['web', 'named', 'split.test', 'cors.test'])('%s gets gRPC, the browser its own form', async (host) => {
    expect((await fromBrowser(ports.http, host)).read).toEqual(ANSWERED)
  })

  it('as text', async () => {
    expect((await fromBrowser(ports.http, 'web', TEXT)).read).toEqual({ ...ANSWERED, type: TEXT })
  })

  it('a page of another origin may read the answer where a rule lets it', async () => {
    const { answer } = await fromBrowser(ports.http, 'cors.test')
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': 'http://page.test' })
  })

  it('a service behind a port called otherwise gets it as it came', async () => {
    const { answer } = await fromBrowser(ports.http, 'plain')
    expect(answer.seen.headers).toMatchObject({ 'content-type': BINARY, 'x-grpc-web': '1' })
  })

  it('ports of a Sidecar that are for gRPC-Web take it, in and out', async () => {
    expect((await fromBrowser(ports.ingress, 'anything.test')).read).toEqual(ANSWERED)
    expect((await fromBrowser(ports.egress, 'other')).read).toEqual(ANSWERED)
  })
})

describe('gRPC-Web at a gateway', () => {
  let mesh: HttpMesh
  let ports: { http: number; web: number }

  beforeAll(async () => {
    const [http, web] = (await freePorts(2)) as [number, number]
    ports = { http, web }
    const behind = 'gateways: [edge]'
    mesh = await startHttpMesh({
      mode: 'delta',
      id: 'router~127.0.0.1~edge.default~default.svc.cluster.local',
      metadata: { LABELS: { app: 'edge' } },
      yaml: `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers:
  - {port: {number: ${http}, name: http, protocol: HTTP}, bind: 127.0.0.1, hosts: ["*"]}
  - {port: {number: ${web}, name: web, protocol: GRPC-WEB}, bind: 127.0.0.1, hosts: ["*"]}
${serviceAt('web', [upstreams.web], grpcPort('GRPC-WEB'))}
${serviceAt('grpc', [upstreams.web], grpcPort('GRPC'))}
${rulesFor('web.test', '- route: [{destination: {host: web}}]', behind)}
${rulesFor('grpc.test', '- route: [{destination: {host: grpc}}]', behind)}
`,
    })
  })
  afterAll(() => mesh.stop())

  it('a service whose port is for gRPC-Web is served to browsers on any port', async () => {
    expect((await fromBrowser(ports.http, 'web.test')).read).toEqual(ANSWERED)
    expect((await fromBrowser(ports.web, 'web.test')).read).toEqual(ANSWERED)
  })

  it('a server for gRPC-Web serves them what speaks gRPC', async () => {
    expect((await fromBrowser(ports.web, 'grpc.test')).read).toEqual(ANSWERED)
  })
})
