import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { callRules, expectFairShare, type Peer } from './mesh.ts'
import { pipFolder, run } from './packages.ts'

const program = fileURLToPath(new URL('./programs/jsonrpc_peer.py', import.meta.url))
const python = async () => ({ ...process.env, PYTHONPATH: await pipFolder() })

/** Lines `= result` or `! code message`, one for each call, then how many messages of servers came. */
async function calls(port: number, methods: string, text: string, count = 1): Promise<string[]> {
  const args = [program, 'call', String(port), methods, text, String(count)]
  const { stdout } = await run('python3', args, { env: await python(), timeout: 60_000 })
  return stdout.trim().split('\n')
}

/** JSON-RPC 2.0 by lines, by the document of the examples: servers and clients of aiorpcX. */
export const jsonrpcPeer: Peer = {
  protocol: 'jsonrpc',
  document: () => readFile(fileURLToPath(new URL('../../examples/protocols/jsonrpc.yaml', import.meta.url)), 'utf8'),
  rules: {
    ...callRules('jsonrpc'),
    notify: 'match: [{method: notify}], svrName: echo.jsonrpc, subset: b',
  },
  prepare: pipFolder,
  servers: async () => {
    const [a, b] = (await freePorts(2)) as [number, number]
    let ready = false
    const child = await spawnForTest({
      command: 'python3',
      args: [program, 'serve', 'a', String(a), 'b', String(b)],
      env: await python(),
      onLine: (line) => {
        ready ||= line === 'ready'
      },
    })
    await eventually(() => expect(ready, child.errors()).toBe(true), { withinMs: 60_000 })
    return [a, b]
  },
  tests: (edge) => {
    it('each method goes to its server, notifications and messages of servers beside them', async () => {
      expect(await calls(edge(), 'toA,notify', 'x', 3)).toEqual([
        ...['= a:x0', '= a:x1', '= a:x2'],
        ...['= b:x0', '= b:x1', '= b:x2'],
        'told 3',
      ])
    })

    it('a fault and a method without a route are errors with the id of their call', async () => {
      expect(await calls(edge(), 'refused,nobody,toB', 'x')).toEqual([
        '! -32000 not today',
        '! -32601 no route for this message',
        '= b:x0',
        'told 0',
      ])
    })

    it('a split halves the calls of one method, and each gets its own answer', async () => {
      const lines = (await calls(edge(), 'half', '', 200)).slice(0, 200)
      expect(lines.map((line) => line.slice(4))).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
      expectFairShare(lines.map((line) => line.slice(2, 3)))
    })

    it('a line longer than what is read at once comes whole', async () => {
      const long = 'long '.repeat(40_000)
      const [line] = await calls(edge(), 'toA', long.slice(0, 120_000))
      expect(line).toBe(`= a:${long.slice(0, 120_000)}0`)
    })
  },
}
