import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createModel } from '../../controlplane/model/index.ts'
import { ClassView } from '../../controlplane/xds/class-view.ts'
import { classify, relevance } from '../../controlplane/xds/classify.ts'
import { DeltaDiscoveryResponseSchema } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { encode, make } from '../../proto/make.ts'
import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import { GameClient } from '../dataplane/game.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { configObjects } from '../helpers/objects.ts'
import { freePort } from '../helpers/ports.ts'
import { type RunningProcess, spawnForTest } from '../helpers/processes.ts'
import { goProgram } from '../peers/packages.ts'
import { Bed, gateway, managedProxy, msgRouter, NODE_ID, service } from './bed.ts'

/** go-control-plane, or why it cannot be had; in CI that is a failure. */
const program = await goProgram('xds', new URL('./programs/', import.meta.url)).catch((error: Error) => {
  if (process.env['CI']) throw error
  process.stderr.write(`\nSKIPPED: a control plane of others: ${error.message}\n`)
  return undefined
})

const TYPES = ['cds', 'eds', 'pds', 'mrds', 'mlds'] as const satisfies readonly ResourceType[]

/** What ours would serve, written to a file for each type, as any control plane could serve it. */
async function resources(folder: string, yaml: string): Promise<readonly string[]> {
  const model = createModel()
  const relevant = relevance(model)
  model.world.commit(configObjects(yaml))
  const node = {
    id: NODE_ID,
    cluster: 'client',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'meshgate',
    protocol: 'delta',
    secretsAllowed: false,
  } as const
  const view = new ClassView(model, classify(node, relevant()), {
    onFailure: (_type, name, error) => {
      throw new Error(name, { cause: error })
    },
  })
  const names = (type: ResourceType) => (type === 'eds' ? view.names('cds') : view.names(type))
  return Promise.all(
    TYPES.map(async (type) => {
      const list = names(type).map((name) => {
        const { bytes, version } = view.get(type, name)!
        return { name, version, resource: { typeUrl: TYPE_URL[type], value: bytes } }
      })
      const file = join(folder, type)
      await writeFile(
        file,
        encode(
          DeltaDiscoveryResponseSchema,
          make(DeltaDiscoveryResponseSchema, { typeUrl: TYPE_URL[type], resources: list }),
        ),
      )
      return file
    }),
  )
}

describe.skipIf(!program)('go-control-plane instead of ours', () => {
  const bed = new Bed()
  afterEach(() => bed.close())

  it('configures a message proxy, changes what it does, is missed by nobody while it is gone, and need not tell again what is held', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const folder = testFolder('other-control-plane')
    const [edge, xds] = [await freePort(), await freePort()]
    const mesh = (to: string, ids: string) =>
      service('a.test', 12345, [{ port: a.port }]) +
      service('b.test', 12345, [{ port: b.port }]) +
      gateway(edge) +
      msgRouter('one', `msgid: ${ids}, svrName: ${to}`)
    let admin = 0
    const start = async (yaml: string): Promise<RunningProcess> => {
      const files = await resources(folder, yaml)
      admin = 0
      const started = await spawnForTest({
        command: program!,
        args: [`127.0.0.1:${xds}`, ...files],
        onLine: (line) => {
          admin = Number(line.split(' ')[1])
        },
      })
      await comesTrue(() => admin > 0, 'it serves')
      return started
    }
    const change = async (yaml: string) => {
      for (const file of await resources(folder, yaml))
        expect((await fetch(`http://127.0.0.1:${admin}/set?file=${encodeURIComponent(file)}`)).status).toBe(200)
    }

    let plane = await start(mesh('a.test', '1'))
    const managed = await managedProxy(bed, xds)
    await managed.inForce(({ listeners }) => listeners.length === 1)
    const game = new GameClient(edge)
    bed.defer(() => game.close())
    let seq = 0
    const ask = async (msgid: number) => {
      const { flags, body } = await game.ask({ msgid, seq: ++seq, body: 'x' })
      return flags === 0 ? String(body) : 'error'
    }
    expect([await ask(1), await ask(2)]).toEqual(['a:x', 'error'])

    await change(mesh('b.test', '[1, 2]'))
    await comesTrue(async () => (await ask(1)) === 'b:x', 'the route has changed, on the connection that is open')
    expect(await ask(2)).toBe('b:x')

    await plane.stop()
    await comesTrue(() => !managed.status().connected, 'it is missed')
    expect(await ask(1)).toBe('b:x')
    const told = managed.configurations.length
    plane = await start(mesh('b.test', '[1, 2]'))
    await comesTrue(() => managed.status().connected, 'it is back')
    await change(mesh('b.test', '2'))
    await comesTrue(async () => (await ask(1)) === 'error', 'what changes later arrives')
    expect(await ask(2)).toBe('b:x')
    expect(managed.configurations.length).toBe(told + 1)
    expect(managed.status().refused).toEqual([])
    expect(managed.warnings.filter((text) => !text.includes('control plane'))).toEqual([])
    await plane.stop()
  })
})
