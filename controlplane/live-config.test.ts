import { expect, test } from 'vitest'
import { toService } from './consul/registry/services.ts'
import { CONSUL_DEFAULTS } from './consul/settings.ts'
import { LiveConfig } from './live-config.ts'
import { createMesh } from './mesh.ts'
import { Discovery } from './model/index.ts'
import { MemorySource } from './sources/index.ts'

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.service.consul]
  http: [{route: [{destination: {host: shop.service.consul, subset: v1}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop.service.consul, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: all}
spec: {egress: [{hosts: ["./shop.service.consul"]}]}
`
const MESH = `---
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {consul: {url: "http://127.0.0.1:8500"}}
`
/** A document that says on which port the registry's service is called. */
const PORTS = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec: {hosts: [shop.service.consul], resolution: STATIC, location: MESH_INTERNAL, ports: [{number: 8080, name: http}]}
`
const known = (name: string) =>
  toService({ name, datacenter: 'dc1', tags: [] }, { ...CONSUL_DEFAULTS, url: 'http://127.0.0.1:8500' }, 'dc1')!

async function live(text: string) {
  const discovery = new Discovery()
  const config = new LiveConfig(MemorySource.of({ 'rules.yaml': text }), createMesh({ discovery }))
  await config.start()
  const said = () => config.diagnostics().map(({ code }) => code)
  const tell = (...names: readonly string[]) => discovery.change((to) => to.services(names.map(known)))
  return { said, tell }
}

test('hosts of a registry are known while it tells of them, and missed when it knows others only', async () => {
  const { said, tell } = await live(RULES)
  tell('shop')
  expect(said()).toEqual([])
  tell('shop-old')
  expect(said()).toEqual(['HOST_NOT_FOUND', 'DESTINATION_RULE_HOST_NOT_FOUND', 'SIDECAR_HOST_NOT_FOUND'])
  tell('shop', 'shop-old')
  expect(said()).toEqual([])
})

test('nothing is said about hosts of a Consul that was not read, offline or yet', async () => {
  expect((await live(`${RULES}${MESH}`)).said()).toEqual([])
  expect((await live(RULES.replaceAll('.service.consul', '.service.dc2.consul') + MESH)).said()).toEqual([])
  expect((await live(RULES.replaceAll('.consul', '.consol') + MESH)).said()).toContain('HOST_NOT_FOUND')
})

test.each([PORTS, PORTS.replaceAll('shop.service.consul', 'Shop.Service.CONSUL')])(
  'a document for a host of the registry needs no endpoints of its own, however its letters are written',
  async (ports) => {
    expect((await live(RULES + ports + MESH)).said()).toEqual([])
    const { said, tell } = await live(RULES + ports)
    expect(said()).toContain('SERVICE_ENTRY_NO_ENDPOINTS')
    tell('shop')
    expect(said()).toEqual([])
  },
)
