import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KvLedger } from '../../controlplane/consul/index.ts'
import { hasConsul, startConsulServers, type TestConsul } from '../helpers/consul.ts'
import { comesTrue, until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { type ConsulBed, consulBed, served, stopBeds } from './bed.ts'

/** Three real Consul servers: what the mesh does while they lose their leader, and while they have none. */

const HOST = 'web.service.consul'

describe.skipIf(!(await hasConsul()))('Consul servers that lose their leader', () => {
  let servers: readonly TestConsul[]
  let folder: string

  beforeAll(async () => {
    folder = testFolder('test')
    servers = await startConsulServers(3)
  }, 120_000)
  afterEach(async () => {
    for (const server of servers) server.thaw()
    await stopBeds()
  })

  /** The address the servers' Raft knows the leader by names its port. */
  const leaderOf = async (by: TestConsul) => {
    const address = String(await by.call('GET', '/v1/status/leader'))
    return servers.find(({ serverPort }) => address.endsWith(`:${serverPort}`))
  }
  const settings = { probeMs: 300, waitMs: 2_000, confirmMs: 2_000 }
  const holds = async (bed: ConsulBed, ports: readonly number[], withinMs = 60_000) =>
    until(
      () => served(bed, HOST),
      (list) => JSON.stringify(list) === JSON.stringify(ports.map((port) => `${port} healthy`)),
      { withinMs },
    )

  it('by a pause: endpoints stay, changes come again under the next leader, writes too; the old one back changes nothing', async () => {
    const first = (await leaderOf(servers[0]!))!
    const agent = servers.find((one) => one !== first)!
    await agent.register({ name: 'web', id: 'w1', port: 9001 })
    await agent.register({ name: 'web', id: 'w2', port: 9002 })
    const bed = await consulBed(agent.url, '', settings)
    const ledger = await KvLedger.open({
      ...{ address: { url: agent.url }, prefix: 'mesh', mirror: join(folder, 'mirror') },
      log: { info: () => {}, warn: () => {} },
    })
    const apply = (text: string) =>
      ledger.apply([{ file: 'x.yaml', bytes: Buffer.from(text) }], {
        ...{ who: 'a', why: text, source: 'api', expected: new Map() },
      })
    await holds(bed, [9001, 9002])
    expect((await apply('1')).id).toBe(1)

    first.freeze()
    const next = await until(
      () => leaderOf(agent).catch(() => undefined),
      (leader) => leader !== undefined && leader !== first,
      { withinMs: 60_000 },
    )
    expect(next).not.toBe(first)
    expect(served(bed, HOST)).toEqual(['9001 healthy', '9002 healthy'])
    await agent.register({ name: 'web', id: 'w3', port: 9003 })
    await holds(bed, [9001, 9002, 9003])
    expect((await apply('2')).id).toBe(2)

    first.thaw()
    await comesTrue(
      async () => {
        const [known, told] = await Promise.all([agent, first].map((one) => leaderOf(one).catch(() => undefined)))
        return known !== undefined && known === told
      },
      'the one that was paused knows the leader',
      { withinMs: 60_000 },
    )
    await expect.poll(() => bed.source.state().held).toEqual([])
    expect(served(bed, HOST)).toEqual(['9001 healthy', '9002 healthy', '9003 healthy'])
    expect((await apply('3')).id).toBe(3)
    await ledger.close()
  })

  it('and cannot have another: the last good world stays and is told as lost; with a majority again all goes on', async () => {
    const [agent, ...others] = servers as [TestConsul, TestConsul, TestConsul]
    const bed = await consulBed(agent.url, '', settings)
    const known = await until(
      () => served(bed, HOST),
      (list) => list.length === 3,
    )
    for (const other of others) other.freeze()
    const { error } = await until(
      () => bed.source.state(),
      ({ state }) => state === 'lost',
      { withinMs: 60_000 },
    )
    expect(error).toBeDefined()
    expect(served(bed, HOST)).toEqual(known)
    for (const other of others) other.thaw()
    await until(
      () => bed.source.state(),
      ({ state, held }) => state === 'ok' && held.length === 0,
      { withinMs: 60_000 },
    )
    expect(served(bed, HOST)).toEqual(known)
  })
})
