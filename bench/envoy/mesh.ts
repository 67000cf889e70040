/** Endpoints of a service. */
export const ENDPOINTS = 5

const HASH = 'consistentHash: {httpHeaderName: x-user}'
const LARGE_HASH = 'consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 65537}}'
const BALANCES = { 'round robin': 'simple: ROUND_ROBIN', maglev: HASH, 'maglev 65537': LARGE_HASH } as const

export type Balance = keyof typeof BALANCES
export const BALANCE_NAMES = Object.keys(BALANCES) as Balance[]

/** The documents of services `svc0.test` and on, all with these ports of this machine as endpoints. */
export function meshOf(count: number, ports: readonly number[], balance: Balance): string {
  const endpoints = ports.map((port) => ({ address: '127.0.0.1', ports: { http: port } }))
  const services = Array.from(
    { length: count },
    (_, index) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: svc${index}}
spec: {hosts: [svc${index}.test], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: ${JSON.stringify(endpoints)}}
`,
  )
  return `${services.join('')}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all}
spec: {host: '*.test', trafficPolicy: {loadBalancer: {${BALANCES[balance]}}}}
`
}
