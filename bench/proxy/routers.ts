/**
 * What an edit of one of many MsgRouters costs: the control plane (CPU until the changed resources are compiled, bytes that go out) and the
 * proxy (CPU until the new table is in force). In process; files and wire are not part of it.
 *
 * `npx tsx bench/proxy/routers.ts [--routers 64,10000 --edits 20 -o json]`
 */
import { parseArgs } from 'node:util'
import { createModel } from '../../controlplane/model/index.ts'
import { ClassView } from '../../controlplane/xds/class-view.ts'
import { classify, relevance } from '../../controlplane/xds/classify.ts'
import { type HeldType, WILDCARD_TYPES } from '../../dataplane/config/held-type.ts'
import { ResourceStore } from '../../dataplane/config/store.ts'
import { MessageProxy } from '../../dataplane/proxy.ts'
import { configObjects } from '../../test/helpers/objects.ts'
import { conditions, median, round } from '../measure.ts'

const { values } = parseArgs({
  options: {
    routers: { type: 'string', default: '64,1000,10000' },
    edits: { type: 'string', default: '20' },
    output: { type: 'string', short: 'o', default: 'table' },
  },
})

const services = 64
const serviceYaml = Array.from(
  { length: services },
  (_, i) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: service${i}}
spec:
  hosts: [service${i}.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 12345, name: tcp-x, protocol: TCP}]
  endpoints: [{address: 10.0.0.${i + 1}}]
`,
)
const entry = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers: [{port: {number: 0, name: game, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"]}]
`
const router = (i: number, generation: number) => `apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: router${i}}
spec: {msgid: ${100_000 + i}, svrName: service${(i + generation) % services}.test, port: 12345}
`

const cpu = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

async function measure(routers: number, edits: number) {
  const model = createModel()
  const relevant = relevance(model)
  const objects = new Map(configObjects([...serviceYaml, entry.replace('number: 0', 'number: 19999')].join('---\n')))
  const put = (i: number, generation: number) => {
    for (const [key, object] of configObjects(router(i, generation))) objects.set(key, object)
  }
  for (let i = 0; i < routers; i++) put(i, 0)
  model.world.commit(objects)
  const proxyClass = classify(
    {
      id: 'message~10.0.0.1~edge.default~default.svc.cluster.local',
      cluster: 'edge',
      metadata: { LABELS: { app: 'edge' } },
      locality: { region: '', zone: '', subZone: '' },
      userAgent: 'meshgate',
      protocol: 'delta',
      secretsAllowed: true,
    },
    relevant(),
  )
  const view = new ClassView(model, proxyClass, {
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name}`, { cause: error })
    },
  })
  const sent = new Map<string, string>()
  /** What a stream would get now. */
  const changes = () => {
    const out: {
      readonly type: HeldType
      readonly name: string
      readonly version: string
      readonly bytes: Uint8Array
    }[] = []
    for (const type of WILDCARD_TYPES) {
      for (const name of view.names(type)) {
        const resource = view.get(type, name)
        if (!resource || sent.get(`${type} ${name}`) === resource.version) continue
        sent.set(`${type} ${name}`, resource.version)
        out.push({ type, name, version: resource.version, bytes: resource.bytes })
      }
    }
    return out
  }
  const store = new ResourceStore()
  const proxy = new MessageProxy()
  const take = async (list: ReturnType<typeof changes>) => {
    for (const resource of list) {
      const problems = store.apply(resource.type, [resource], [])
      if (problems.size > 0) throw new Error([...problems.values()].join())
    }
    const problems = await proxy.apply(store.configuration())
    if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join())
  }
  const first = changes()
  await take(first)
  const plane: number[] = []
  const data: number[] = []
  const bytes: number[] = []
  for (let n = 1; n <= edits; n++) {
    put((n * 7919) % routers, n)
    let before = cpu()
    model.world.commit(new Map(objects))
    const list = changes()
    plane.push(cpu() - before)
    bytes.push(list.reduce((sum, resource) => sum + resource.bytes.length, 0))
    before = cpu()
    await take(list)
    data.push(cpu() - before)
  }
  proxy.close()
  return {
    routers,
    firstKb: round(first.reduce((sum, resource) => sum + resource.bytes.length, 0) / 1024, 1),
    editKb: round(median(bytes) / 1024, 2),
    controlPlaneMs: round(median(plane), 1),
    proxyMs: round(median(data), 1),
  }
}

const rows: Awaited<ReturnType<typeof measure>>[] = []
for (const routers of values.routers.split(',')) rows.push(await measure(Number(routers), Number(values.edits)))
if (values.output !== 'json') console.table(rows)
console.log(JSON.stringify({ bench: 'edit of a MsgRouter', rows, conditions: await conditions() }))
