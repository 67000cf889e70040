import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { beforeEach, expect, it, type TestContext } from 'vitest'
import { testCa } from '../helpers/certificates.ts'
import { testProgram } from '../helpers/compiled.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest, stopAfterTests } from '../helpers/processes.ts'
import { HOW_TO_GET_REDIS, hasRedis, startRedis } from '../helpers/redis.ts'
import { requireTool } from '../helpers/tools.ts'

const here = await hasRedis()
beforeEach((context: TestContext) => requireTool(context, 'redis-server', here, HOW_TO_GET_REDIS))

it('limits are counted over TLS with a user and a password, by a Redis alone and by a cluster; a wrong password, or nobody we know, is told', async () => {
  const folder = testFolder('redis-tls')
  const ca = await testCa()
  const { cert, key } = await ca.issue('redis', { dns: ['localhost'], ip: ['127.0.0.1'] })
  const files = { ca: join(folder, 'ca.pem'), cert: join(folder, 'redis.pem'), key: join(folder, 'redis.key') }
  await Promise.all([writeFile(files.ca, ca.cert), writeFile(files.cert, cert), writeFile(files.key, key)])
  const [alone, clustered, misleading, bus, otherBus] = (await freePorts(5)) as [number, number, number, number, number]
  const secured = (tls: number) => [
    ...['--tls-port', String(tls), '--tls-auth-clients', 'no'],
    ...['--tls-ca-cert-file', files.ca, '--tls-cert-file', files.cert, '--tls-key-file', files.key],
    ...['--user', 'limits', 'on', '>se:c/ret', '~*', '&*', '+@all'],
  ]
  await startRedis(secured(alone))
  const cluster = async (tls: number, bus: number, names: string) => {
    const { url } = await startRedis([
      ...[...secured(tls), '--tls-cluster', names, '--cluster-enabled', 'yes', '--cluster-port', String(bus)],
      ...['--cluster-announce-ip', '127.0.0.1'],
    ])
    const admin = new Redis(url)
    stopAfterTests(async () => admin.disconnect())
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383)
    await expect.poll(() => admin.call('CLUSTER', 'INFO')).toContain('cluster_state:ok')
  }
  await cluster(clustered, bus, 'yes')
  // One that tells everybody its ports without TLS.
  await cluster(misleading, otherBus, 'no')

  const ask = async (env: Record<string, string>, ...urls: string[]) => {
    const said: string[] = []
    const child = await spawnForTest({
      command: process.execPath,
      args: [testProgram('limit-once'), ...urls],
      env: { ...process.env, ...env } as Record<string, string>,
      onLine: (line, stream) => {
        if (stream === 'stdout') said.push(line)
      },
    })
    await child.exited
    return said
  }
  const user = 'limits:se%3Ac%2Fret'
  const said = await ask(
    { NODE_EXTRA_CA_CERTS: files.ca },
    ...[`rediss://${user}@127.0.0.1:${alone}`, `rediss+cluster://${user}@127.0.0.1:${clustered}`],
    ...[`rediss://limits:wrong@127.0.0.1:${alone}`, `rediss+cluster://${user}@127.0.0.1:${misleading}`],
  )
  expect(said).toEqual([
    '4 3 left',
    '4 3 left',
    expect.stringMatching(/cannot: .*WRONGPASS/),
    expect.stringMatching(/cannot: no answer from the servers of the cluster: .*127\.0\.0\.1/),
  ])
  expect(await ask({}, `rediss://${user}@127.0.0.1:${alone}`)).toEqual([expect.stringMatching(/cannot: .*certificate/)])
})
