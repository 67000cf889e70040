import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { withControlPlane } from '../../dataplane/admin/control-plane.ts'
import { localAdmin } from '../../dataplane/admin/local.ts'
import { AdminServer, type AdminSource } from '../../dataplane/admin/server.ts'
import type { Configuration } from '../../dataplane/configuration.ts'
import { MessageProxy } from '../../dataplane/proxy.ts'
import { WorkerPool } from '../../dataplane/workers/pool.ts'
import { Bed, GameClient, gameConfiguration } from './game.ts'

/** A listener whose port somebody else has: the proxy is live, as Envoy is, and says everywhere what is missing. */

const bed = new Bed()
afterEach(() => bed.close())

/** One process, or two workers. */
const runs: Readonly<Record<string, () => Promise<{ apply: MessageProxy['apply']; admin: AdminSource }>>> = {
  'one process': async () => {
    const proxy = new MessageProxy()
    bed.defer(() => proxy.close())
    return { apply: (configuration) => proxy.apply(configuration), admin: localAdmin(proxy) }
  },
  'two workers': async () => {
    const pool = new WorkerPool({ workers: 2, execArgv: ['--import', 'tsx'] })
    bed.defer(() => pool.drain(100))
    await pool.start()
    return { apply: (configuration) => pool.apply(configuration), admin: pool.admin() }
  },
}

describe.each(Object.entries(runs))('%s', (_, start) => {
  it('is live and says which listener is not open and why, until the port is free', async () => {
    const taken = createServer()
    await once(taken.listen(0, '127.0.0.1'), 'listening')
    bed.defer(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const { apply, admin: source } = await start()
    const status = { connected: true, lastResponseAt: 0, source: 'control plane', refused: [], waiting: [] }
    const admin = new AdminServer(withControlPlane(source, () => status))
    bed.defer(() => admin.close())
    const base = `http://127.0.0.1:${await admin.listen('127.0.0.1', 0)}`
    const ready = async () => {
      const response = await fetch(`${base}/ready`)
      return [response.status, await response.text()]
    }
    const figures = async () => {
      const text = await (await fetch(`${base}/metrics`)).text()
      const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
      return {
        missing: value('meshgate_listeners_not_open'),
        open: value('envoy_listener_manager_total_listeners_active'),
        failures: value('envoy_listener_manager_listener_create_failure'),
      }
    }
    const only = gameConfiguration({})
    const [listener] = only.listeners
    const configuration: Configuration = {
      ...only,
      version: '1',
      listeners: [listener!, { ...listener!, name: 'second', address: { host: '127.0.0.1', port } }],
    }
    expect(await ready()).toEqual([503, 'STARTING\n'])
    expect(await apply(configuration)).toMatchObject([{ name: 'second', transient: true }])
    expect(await ready()).toEqual([
      200,
      expect.stringMatching(
        new RegExp(`^LIVE\nlistener second is not open: cannot listen on 127.0.0.1:${port}: .*EADDRINUSE.*\n$`),
      ),
    ])
    const before = await figures()
    expect(before).toMatchObject({ missing: 1, open: 1 })
    expect(before.failures).toBeGreaterThan(0)
    await new Promise((resolve) => taken.close(resolve))
    expect(await apply(configuration)).toEqual([])
    expect(await ready()).toEqual([200, 'LIVE\n'])
    expect(await figures()).toEqual({ ...before, missing: 0, open: 2 })
    const client = new GameClient(port)
    bed.defer(() => client.close())
    expect((await client.ask({ msgid: 9, seq: 1 })).seq).toBe(1)
  })
})
