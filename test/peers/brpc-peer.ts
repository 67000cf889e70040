import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { callRules, expectFairShare, type Peer } from './mesh.ts'
import { javaProgram, run } from './packages.ts'

/** A JVM takes seconds to start, and many on a busy machine. */
const patient = { timeout: 240_000 }

const java = () => javaProgram('brpc', 'BrpcPeer')

/** Lines `= text` or `! message`, one for each call. */
async function calls(port: number, methods: string, text: string, count = 1): Promise<string[]> {
  const { stdout } = await run('java', [...(await java()), 'call', String(port), methods, text, String(count)])
  const lines = stdout.split('\n').filter((line) => /^[=!] /.test(line))
  return lines.map((line) => line.replace(/^! [\w.]*RpcException: /, '! '))
}

/** bRPC's baidu_std: servers and clients of brpc-java. */
export const brpcPeer: Peer = {
  protocol: 'brpc',
  rules: callRules('brpc'),
  prepare: java,
  servers: async () => {
    const ports = (await freePorts(2)) as [number, number]
    // The library keeps its services once for a whole process: a server is a process.
    for (const [index, name] of ['a', 'b'].entries()) {
      let ready = false
      const child = await spawnForTest({
        command: 'java',
        args: [...(await java()), 'serve', name, String(ports[index])],
        onLine: (line) => {
          ready ||= line === 'ready'
        },
      })
      await eventually(() => expect(ready, child.errors()).toBe(true), { withinMs: 60_000 })
    }
    return ports
  },
  tests: (edge) => {
    it(
      'each method goes to its server; a fault, a missing route and a time that runs out are its errors',
      patient,
      async () => {
        expect(await calls(edge(), 'toA,toB', 'x', 2)).toEqual(['= a:x1', '= a:x2', '= b:x1', '= b:x2'])
        expect(await calls(edge(), 'refused,nobody,slow,toB', 'x')).toEqual([
          '! not today',
          '! no route for this message',
          '! upstream request timeout',
          '= b:x',
        ])
      },
    )

    it('a split halves the calls of one method', patient, async () => {
      const lines = await calls(edge(), 'half', '', 200)
      expect(lines.map((line) => line.slice(4))).toEqual(Array.from({ length: 200 }, (_, n) => `${n + 1}`))
      expectFairShare(lines.map((line) => line.slice(2, 3)))
    })

    it('calls of many threads at once: each gets its own answer', patient, async () => {
      const { stdout } = await run('java', [...(await java()), 'crowd', String(edge()), 'toA', '16', '400'])
      const lines = stdout.split('\n').filter((line) => /^\d+ /.test(line))
      expect(lines.sort()).toEqual(Array.from({ length: 400 }, (_, n) => `${n} = a:${n}`).sort())
    })
  },
}
