/** The configuration the cluster runs on: services are in Consul, rules are here. */
export const HTTP_HOST = 'web.service.consul'
const GAME_HOST = 'game.service.consul'
/** Where message proxies take messages for the game. */
export const GAME_PORT = 7001

/** Files of configuration by name, with a message listener on each of `messagePorts`; `timeout` is a duration as Istio writes it. */
export function documents(messagePorts: readonly number[], timeout: string): Readonly<Record<string, string>> {
  return {
    'mesh.yaml': `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {drainTime: 5s}
`,
    'web.yaml': web(timeout),
    // Far above what comes: each of these requests is a decision, and none may be refused, whatever becomes of the service.
    'limit.yaml': `apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: web}
spec:
  shared: true
  hosts: [${HTTP_HOST}]
  limits:
  - match: {x-limited: 'yes'}
    tokenBucket: {maxTokens: 100000, tokensPerFill: 100000, fillInterval: 1s}
`,
    'game.yaml': `apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: arena}
spec:
  frame:
    length: {at: 0, type: u32, counts: all}
    check: {at: 4, type: u16, equals: 0x4d47}
    max: 64KiB
  message:
    kind: {at: 6, type: u8, is: {1: request, 2: response, 3: oneway}}
    flags: {at: 7, type: u8}
    id: {at: 12, type: u32}
    error: {flags: {mask: 0x80}}
  fields:
    msgid: {at: 8, type: u32}
    player: {at: 16, type: u64}
  reply:
    error: {from: request, bytes: 24, set: {kind: response, flags: 0x80}, body: u32 code}
  connections: [shared]
---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: game}
spec: {msgid: 1, svrName: ${GAME_HOST}, port: ${GAME_PORT}}
${messagePorts
  .map(
    (port, index) => `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge-${index}}
spec:
  selector: {edge: e${index}}
  servers: [{port: {number: ${port}, name: arena-edge, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"]}]
`,
  )
  .join('')}`,
  }
}

/** The rule that is edited while requests run. */
export function web(timeout: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [${HTTP_HOST}]
  http:
  - timeout: ${timeout}
    retries: {attempts: 0}
    route: [{destination: {host: ${HTTP_HOST}}}]
`
}
