import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { callRules, expectFairShare, type Peer } from './mesh.ts'
import { javaProgram, npmFolder, run } from './packages.ts'

/** A JVM takes seconds to start, and many on a busy machine. */
const patient = { timeout: 240_000 }

const java = () => javaProgram('dubbo', 'DubboPeer')
const nodeClient = fileURLToPath(new URL('./programs/dubbo_client.cjs', import.meta.url))

/** Lines `= text` or `! error`, one for each call. */
const lines = (stdout: string) => stdout.split('\n').filter((line) => /^[=!] /.test(line))

export async function javaCalls(port: number, method: string, text: string, count = 1): Promise<string[]> {
  const { stdout } = await run('java', [...(await java()), 'call', String(port), method, text, String(count)])
  return lines(stdout)
}

export async function nodeCalls(port: number, method: string, text: string, count = 1): Promise<string[]> {
  const { stdout } = await run(process.execPath, [
    nodeClient,
    await npmFolder(),
    String(port),
    method,
    text,
    String(count),
  ])
  return lines(stdout)
}

/** Dubbo 2 with Hessian 2: servers of Apache Dubbo (Java), clients of it and of npm `dubbo2.js`. */
export const dubboPeer: Peer = {
  protocol: 'dubbo',
  rules: {
    ...callRules('dubbo'),
    attachment: `match: [{method: attachment, attachment.shop.tag: red}], svrName: echo.dubbo, subset: b,
      requestMutation: [{field: attachment.shop.path, value: by the proxy}, {field: attachment.shop.old, remove: true}]`,
  },
  prepare: () => Promise.all([java(), npmFolder()]),
  servers: async () => {
    const ports = (await freePorts(2)) as [number, number]
    let ready = false
    const child = await spawnForTest({
      command: 'java',
      args: [...(await java()), 'serve', 'a', String(ports[0]), 'b', String(ports[1])],
      onLine: (line) => {
        ready ||= line === 'ready'
      },
    })
    await eventually(() => expect(ready, child.errors()).toBe(true), { withinMs: 60_000 })
    return ports
  },
  tests: (edge) => {
    it('Java: each method goes to its server', patient, async () => {
      expect(await javaCalls(edge(), 'toA,toB', 'x', 2)).toEqual(['= a:x1', '= a:x2', '= b:x1', '= b:x2'])
    })

    it('Node: each method goes to its server', async () => {
      expect(await nodeCalls(edge(), 'toA', 'héllo', 2)).toEqual(['= a:héllo1', '= a:héllo2'])
      expect(await nodeCalls(edge(), 'toB', 'y')).toEqual(['= b:y'])
    })

    it(
      'an attachment chooses the route and reaches the server; the route adds one and takes one out',
      patient,
      async () => {
        expect(await javaCalls(edge(), 'attachment', 'shop.tag,shop.path,shop.old')).toEqual([
          '= red',
          '= by the proxy',
          '= null',
        ])
        expect(await nodeCalls(edge(), 'attachment', 'shop.tag')).toEqual([expect.stringMatching(/^! /)])
      },
    )

    it('a split halves the calls of one method', async () => {
      const answers = await nodeCalls(edge(), 'half', '', 200)
      expect(answers.map((line) => line.slice(4)).sort()).toEqual(
        Array.from({ length: 200 }, (_, n) => `${n + 1}`).sort(),
      )
      expectFairShare(answers.map((line) => line.slice(2, 3)))
    })

    it('a fault, a missing route and a time that runs out are errors that both understand', patient, async () => {
      expect(await javaCalls(edge(), 'refused,nobody,slow,toB', 'x')).toEqual([
        expect.stringContaining('not today'),
        expect.stringContaining('no route for this message'),
        expect.stringContaining('upstream request timeout'),
        '= b:x',
      ])
      for (const method of ['refused', 'nobody', 'slow'])
        expect(await nodeCalls(edge(), method, 'x')).toEqual([expect.stringMatching(/^! /)])
    })
  },
}
