import { connect, type NetConnectOpts } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { L } from '../../dataplane/stats/counters.ts'
import { encode, splitter } from '../dataplane/game.ts'
import { startControlPlane } from '../helpers/control-plane.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { Bed, managedProxy, service } from './bed.ts'

const bed = new Bed()
afterEach(() => bed.close())

it('what leaves by an egress listener of a Sidecar comes in by the ingress listener of another, on the same port, and by a socket', async () => {
  const battle = await bed.server('battle')
  const port = await freePort()
  const socketFile = join(testFolder('sidecars'), 'egress.sock')
  const sidecar = (app: string, spec: string) => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: ${app}}
spec:
  workloadSelector: {labels: {app: ${app}}}
${spec}
---`
  const plane = await startControlPlane(
    service('test.battle', port, [{ port }]).replace('address: 127.0.0.1', 'address: 127.0.0.2') +
      sidecar(
        'lobby',
        `  egress:
  - {port: {number: ${port}, name: game, protocol: TCP}, bind: 127.0.0.3, hosts: ["*/test.battle"]}
  - {port: {number: 0, name: game, protocol: TCP}, bind: "unix://${socketFile}", hosts: ["*/test.battle"]}`,
      ) +
      sidecar(
        'battle',
        `  ingress: [{port: {number: ${port}, name: game, protocol: TCP}, bind: 127.0.0.2, defaultEndpoint: "127.0.0.1:${battle.port}"}]
  egress: [{port: {number: ${port}, name: game, protocol: TCP}, hosts: ["*/test.battle"]}]`,
      ),
  )
  bed.defer(() => plane.stop())
  const beside = async (app: string, listeners: number) => {
    const id = `message~127.0.0.1~${app}-1.default~default.svc.cluster.local`
    const managed = await managedProxy(bed, plane.port, {
      node: { id, cluster: app, metadata: { LABELS: { app } } },
    })
    await managed.inForce((configuration) => configuration.listeners.length === listeners)
    expect(managed.problems).toEqual([])
    return managed
  }
  const inside = await beside('battle', 2)
  await beside('lobby', 2)
  const ask = async (address: NetConnectOpts) => {
    const socket = connect(address)
    bed.defer(() => socket.destroy())
    const reply = new Promise<string>((resolve) =>
      socket.on(
        'data',
        splitter(({ body }) => resolve(String(body))),
      ),
    )
    socket.write(encode({ msgid: 5, seq: 1, body: 'q' }))
    return reply
  }
  expect(await ask({ host: '127.0.0.3', port })).toBe('battle:q')
  expect(await ask({ path: socketFile })).toBe('battle:q')
  // Its own egress listener leads to all of the service, which is its ingress listener here.
  expect(await ask({ host: '127.0.0.1', port })).toBe('battle:q')
  const counted = inside.proxy.listeners.map(({ config, counters }) => [
    config.statPrefix,
    counters[L.downstream_rq_total],
  ])
  expect(counted).toEqual([
    [`inbound_127.0.0.2_${port}`, 3],
    [`outbound_127.0.0.1_${port}`, 1],
  ])
})
