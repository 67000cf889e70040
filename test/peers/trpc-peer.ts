import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { callRules, expectFairShare, type Peer } from './mesh.ts'
import { goProgram, run } from './packages.ts'

/** A method's name on the wire. */
const full = (method: string) => `/trpc.shop.echo.Echo/${method}`

/** Lines `= text` or `! code message`, one for each call. */
async function calls(port: number, methods: string, text: string, count = 1): Promise<string[]> {
  const { stdout } = await run(await goProgram('trpc'), ['call', String(port), methods, text, String(count)])
  return stdout.split('\n').filter((line) => /^[=!] /.test(line))
}

/** tRPC: servers and clients of trpc-go. */
export const trpcPeer: Peer = {
  protocol: 'trpc',
  rules: callRules('trpc', 'method', full),
  prepare: () => goProgram('trpc'),
  servers: async () => {
    const ports = (await freePorts(2)) as [number, number]
    let ready = false
    const child = await spawnForTest({
      command: await goProgram('trpc'),
      args: ['serve', 'a', String(ports[0]), 'b', String(ports[1])],
      onLine: (line) => {
        ready ||= line === 'ready'
      },
    })
    await eventually(() => expect(ready, child.errors()).toBe(true), { withinMs: 60_000 })
    return ports
  },
  tests: (edge) => {
    it('each method goes to its server', async () => {
      expect(await calls(edge(), 'toA,toB', 'x', 2)).toEqual(['= a:x1', '= a:x2', '= b:x1', '= b:x2'])
    })

    it('a split halves the calls of one method', async () => {
      const lines = await calls(edge(), 'half', '', 200)
      expect(lines.map((line) => line.slice(4))).toEqual(Array.from({ length: 200 }, (_, n) => `${n + 1}`))
      expectFairShare(lines.map((line) => line.slice(2, 3)))
    })

    it('a fault, a missing route and a time that runs out are errors with the codes of the protocol', async () => {
      expect(await calls(edge(), 'refused,nobody,slow,toB', 'x')).toEqual([
        '! TRPC_SERVER_SYSTEM_ERR not today',
        '! TRPC_SERVER_NOSERVICE_ERR no route for this message',
        '! TRPC_CLIENT_INVOKE_TIMEOUT_ERR upstream request timeout',
        '= b:x',
      ])
    })
  },
}
