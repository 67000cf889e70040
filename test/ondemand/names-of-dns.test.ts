import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { beforeAll, expect, test } from 'vitest'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { services, startLazyEnvoy, startPlane } from './bed.ts'

let one: Upstream
beforeAll(async () => {
  one = await startEcho('one')
})

/** What a name server says: an address, a code of failure (RFC 1035, 4.1.1), or nothing until `release`. */
type Word = 'address' | 'no such name' | 'refused' | 'held'

/** A name server on loopback that knows names by their first word; `asked` are the names somebody asked for. */
async function startNameServer(words: Readonly<Record<string, Word>>) {
  const server = createSocket('udp4')
  const asked = new Set<string>()
  const held: (() => void)[] = []
  server.on('message', (question, { port, address }) => {
    const name = question.toString('latin1', 13, 13 + question[12]!)
    asked.add(name)
    const word = words[name] ?? 'no such name'
    const answer = (code: number) => {
      let end = 12
      while (question[end] !== 0) end += question[end]! + 1
      const isAddress = code === 0 && question.readUInt16BE(end + 1) === 1
      // The question again, and a pointer to its name with a record of four bytes for an hour.
      const record = Buffer.from('c00c0001000100000e1000047f000001', 'hex')
      const reply = Buffer.concat([question.subarray(0, end + 5), isAddress ? record : Buffer.alloc(0)])
      reply.writeUInt16BE(0x8180 | code, 2)
      for (const [at, count] of [1, isAddress ? 1 : 0, 0, 0].entries()) reply.writeUInt16BE(count, 4 + 2 * at)
      server.send(reply, port, address)
    }
    if (word === 'held') held.push(() => answer(0))
    else answer({ address: 0, 'no such name': 3, refused: 5 }[word])
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  stopAfterTests(async () => void server.close())
  return {
    asked,
    release() {
      for (const answer of held.splice(0)) answer()
    },
    /** Envoy's way to it. */
    bootstrap: {
      typed_dns_resolver_config: {
        name: 'envoy.network.dns_resolver.cares',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
          resolvers: [{ socket_address: { address: '127.0.0.1', port_value: server.address().port } }],
          dns_resolver_options: { no_default_search_domain: true },
        },
      },
    },
  }
}

const named = (name: string) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.test]
  resolution: DNS
  location: MESH_INTERNAL
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: ${name}.example, ports: {http: ${one.port}}}]
`

test('a name that has no address keeps no other cold request waiting; one whose server says nothing does, until it is told', async () => {
  const words = { found: 'address', missing: 'no such name', refused: 'refused', late: 'held' } as const
  const dns = await startNameServer(words)
  const plane = await startPlane(services(4, one) + Object.keys(words).map(named).join(''))
  const envoy = await startLazyEnvoy(plane.port, { more: dns.bootstrap })
  expect(await ask(envoy.httpPort, 'found.test')).toMatchObject({ status: 200, upstream: 'one' })
  for (const [index, host] of ['missing', 'refused'].entries()) {
    const asked = ask(envoy.httpPort, `${host}.test`)
    expect(await ask(envoy.httpPort, `svc${index}.test`)).toMatchObject({ status: 200, upstream: 'one' })
    expect(await asked).toMatchObject({ status: 503, body: 'no healthy upstream' })
  }
  const late = ask(envoy.httpPort, 'late.test')
  await comesTrue(() => dns.asked.has('late'), 'the name server is asked')
  let told = false
  const behind = ask(envoy.httpPort, 'svc2.test').then(({ status }) => [status, told])
  for (let turn = 0; turn < 20; turn++) expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
  told = true
  dns.release()
  expect(await late).toMatchObject({ status: 200, upstream: 'one' })
  expect(await behind).toEqual([200, true])
  expect(await envoy.rejected()).toEqual({})
})
