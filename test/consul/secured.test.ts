import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { ConsulHttp, KvLedger, SessionLock } from '../../controlplane/consul/index.ts'
import { testCa } from '../helpers/certificates.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { serveChild } from '../helpers/serve.ts'
import { consulBed, served } from './bed.ts'

/** A real Consul that asks for client certificates and tokens, as one in production does. */

const MASTER = '11111111-2222-3333-4444-555555555555'
const HOST = 'web.service.consul'

/** The rules that docs/consul.md tells people to give. */
const DISCOVERY = `
service_prefix "" { policy = "read" }
node_prefix "" { policy = "read" }
agent_prefix "" { policy = "read" }`
const STORE = `
key_prefix "mesh/prod" { policy = "write" }
session_prefix "" { policy = "write" }`

describe.skipIf(!(await hasConsul()))('a Consul with TLS and ACLs', () => {
  let consul: TestConsul
  let folder: string
  let url: string
  /** Options for calls: a good certificate; the token file is to be added. */
  let tls: { ca: string; cert: string; key: string }
  let mirrors = 0

  const file = async (name: string, text: string) => {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }
  const token = async (rules: string): Promise<string> => {
    const name = `p${Math.random().toString(36).slice(2)}`
    await consul.call('PUT', '/v1/acl/policy', { Name: name, Rules: rules })
    const made = await consul.call('PUT', '/v1/acl/token', { Policies: [{ Name: name }] })
    return (made as { SecretID: string }).SecretID
  }
  const revoke = async (secret: string) => {
    const self = await consul.call('GET', '/v1/acl/token/self', undefined, secret)
    await consul.call('DELETE', `/v1/acl/token/${(self as { AccessorID: string }).AccessorID}`)
  }
  const open = (tokenFile: string) =>
    KvLedger.open({
      ...{ address: { url, tokenFile, ...tls }, prefix: 'mesh/prod', mirror: join(folder, `mirror-${++mirrors}`) },
      log: { info: () => {}, warn: () => {} },
    })

  beforeAll(async () => {
    folder = testFolder('test')
    const ca = await testCa()
    const [server, client] = await Promise.all([
      ca.issue('server.dc1.consul', { dns: ['server.dc1.consul', 'localhost'], ip: ['127.0.0.1'] }),
      ca.issue('meshgate', {}),
    ])
    const caFile = await file('ca.pem', ca.cert)
    tls = { ca: caFile, cert: await file('client.pem', client.cert), key: await file('client.key', client.key) }
    const https = await freePort()
    url = `https://127.0.0.1:${https}`
    consul = await startConsul({
      token: MASTER,
      config: {
        ports: { https },
        ...{ ca_file: caFile, cert_file: await file('server.pem', server.cert) },
        ...{ key_file: await file('server.key', server.key), verify_incoming_https: true },
        acl: { enabled: true, default_policy: 'deny', tokens: { master: MASTER, agent: MASTER } },
      },
    })
    for (const port of [9001, 9002]) await consul.register({ name: 'web', id: `w${port}`, port })
  })

  it('is read with a certificate and a token that may read; a token that is replaced in its file is used at once', async () => {
    const first = await token(DISCOVERY)
    const tokenFile = await file('rotated', `${first}\n`)
    const bed = await consulBed(url, '', { ...tls, tokenFile, waitMs: 500, probeMs: 200 })
    await until(
      () => served(bed, HOST),
      (list) => list.length === 2,
    )
    await file('rotated', `${await token(DISCOVERY)}\n`)
    await revoke(first)
    await consul.register({ name: 'web', id: 'w9003', port: 9003 })
    await until(
      () => served(bed, HOST),
      (list) => list.includes('9003 healthy'),
    )
    await until(
      () => bed.source.state(),
      ({ state }) => state === 'ok',
    )
    await consul.deregister('w9003')
    await bed.stop()
  })

  it('that revokes the token: the last good endpoints stay, and the complaint names the token', async () => {
    const secret = await token(DISCOVERY)
    const bed = await consulBed(url, '', {
      ...{ ...tls, tokenFile: await file('revoked', secret), waitMs: 500, probeMs: 200, confirmMs: 500 },
    })
    await until(
      () => served(bed, HOST),
      (list) => list.length === 2,
    )
    await revoke(secret)
    const { error } = await until(
      () => bed.source.state(),
      (state) => state.error?.includes('403') ?? false,
    )
    expect(error).toMatch(/ACL token may not do this, or there is none: see --consul-token-file/)
    await sleep(1_500)
    expect(served(bed, HOST)).toEqual(['9001 healthy', '9002 healthy'])
    await bed.stop()
  })

  it('that gives the token back: it goes on by itself, whether the token or only its rights were taken', async () => {
    const secret = await token(DISCOVERY)
    const rules = async (by: string, text: string) => {
      const { Policies } = (await consul.call('GET', '/v1/acl/token/self', undefined, by)) as {
        Policies: { ID: string; Name: string }[]
      }
      const [{ ID, Name }] = Policies as [{ ID: string; Name: string }]
      await consul.call('PUT', `/v1/acl/policy/${ID}`, { Name, Rules: text })
      return { Name }
    }
    const bed = await consulBed(url, '', {
      ...{ ...tls, tokenFile: await file('given-back', secret) },
      ...{ waitMs: 500, probeMs: 200, confirmMs: 500, nameGraceMs: 300 },
    })
    const both = ['9001 healthy', '9002 healthy']
    await until(
      () => served(bed, HOST),
      (list) => list.join() === both.join(),
    )
    // What may not be read is left out of lists that look like any other: that Consul itself is not in them tells.
    const policy = await rules(secret, 'agent_prefix "" { policy = "read" }')
    await consul.register({ name: 'other', id: 'o1', port: 9100 })
    await until(
      () => bed.source.state().held,
      (held) => held.some(({ what, why }) => what === 'services of dc1' && why === 'filtered'),
    )
    await sleep(2_000)
    expect(served(bed, HOST)).toEqual(both)
    await rules(secret, DISCOVERY)
    await consul.register({ name: 'web', id: 'w9003', port: 9003 })
    await until(
      () => served(bed, HOST),
      (list) => list.includes('9003 healthy'),
    )
    await until(
      () => bed.source.state(),
      ({ state, held }) => state === 'ok' && held.length === 0,
    )

    await revoke(secret)
    await until(
      () => bed.source.state().error,
      (error) => error?.includes('403') ?? false,
    )
    await consul.call('PUT', '/v1/acl/token', { SecretID: secret, Policies: [policy] })
    await consul.deregister('w9003')
    await until(
      () => served(bed, HOST),
      (list) => list.join() === both.join(),
    )
    await until(
      () => bed.source.state(),
      ({ state }) => state === 'ok',
    )
    await consul.deregister('o1')
    await bed.stop()
  })

  it('that takes the right to one service alone: it stays until a person says so; one that really goes is gone by time', async () => {
    const secret = await token(DISCOVERY)
    const policyOf = async () => {
      const { Policies } = (await consul.call('GET', '/v1/acl/token/self', undefined, secret)) as {
        Policies: [{ ID: string; Name: string }]
      }
      return Policies[0]
    }
    const rules = async (text: string) => {
      const { ID, Name } = await policyOf()
      await consul.call('PUT', `/v1/acl/policy/${ID}`, { Name, Rules: text })
    }
    await consul.register({ name: 'short', id: 's1', port: 9200 })
    // So that two names of the catalog are no great loss.
    const others = ['x1', 'x2', 'x3', 'x4']
    for (const name of others) await consul.register({ name, port: 9300 })
    const bed = await consulBed(url, '', {
      ...{ ...tls, tokenFile: await file('one-service', secret) },
      ...{ waitMs: 500, probeMs: 200, confirmMs: 500, nameGraceMs: 300 },
    })
    const short = 'short.service.consul'
    const both = ['9001 healthy', '9002 healthy']
    await until(
      () => [served(bed, HOST).join(), served(bed, short).join()],
      ([web, other]) => web === both.join() && other === '9200 healthy',
    )
    await rules(`${DISCOVERY}\nservice "web" { policy = "deny" }`)
    await consul.register({ name: 'web', id: 'w9003', port: 9003 })
    await consul.deregister('s1')
    await until(
      () => served(bed, short),
      (list) => list.join() === 'no service',
    )
    const hidden = await until(
      () => bed.source.state().held,
      (held) => held.some(({ what, why }) => what === HOST && why === 'filtered'),
    )
    expect(new Set(hidden.map(({ what }) => what))).toEqual(new Set([HOST]))
    await sleep(1_000)
    expect(served(bed, HOST)).toEqual(both)
    await rules(DISCOVERY)
    await until(
      () => [served(bed, HOST).join(), bed.source.state().held.length],
      ([list, held]) => list === [...both, '9003 healthy'].join() && held === 0,
    )
    await rules(`${DISCOVERY}\nservice "web" { policy = "deny" }`)
    await consul.register({ name: 'web', id: 'w9003', port: 9004 })
    await until(
      () => bed.source.state().held.filter(({ why }) => why === 'filtered'),
      (held) => held.length > 0,
    )
    // Its name and its instances wait, each when it was found to be missing.
    await until(
      () => {
        bed.source.confirm(HOST)
        return served(bed, HOST)
      },
      (list) => list.join() === 'no service',
    )
    for (const id of ['w9003', ...others]) await consul.deregister(id)
    await bed.stop()
  })

  it('is not taken for ready without a token, nor with a certificate of nobody we know', async () => {
    const none = await consulBed(url, '', { ...tls, probeMs: 200 })
    await until(
      () => none.source.state().error,
      (error) => error?.includes('403') ?? false,
    )
    expect(none.source.ready).toBe(false)
    await none.stop()

    const tokenFile = await file('good', await token(DISCOVERY))
    const stranger = await file('stranger.pem', (await testCa('somebody else')).cert)
    const refused = new ConsulHttp({ url, tokenFile, ...tls, ca: stranger })
    await expect(refused.json({ path: '/v1/catalog/services' })).rejects.toThrow(/certificate/)
    refused.close()
    const bare = new ConsulHttp({ url, tokenFile, ca: tls.ca })
    await expect(bare.json({ path: '/v1/catalog/services' })).rejects.toThrow(/certificate|alert|reset/i)
    bare.close()
  })

  it('keeps configuration with the rules the documentation names, and refuses one who may only read', async () => {
    const tokenFile = await file('store', await token(STORE))
    const ledger = await open(tokenFile)
    const by = { who: 'a', why: 'test', source: 'api' as const, expected: new Map() }
    const change = (text: string) => [{ file: 'x.yaml', bytes: Buffer.from(text) }]
    expect((await ledger.apply(change('a: 1\n'), by)).id).toBe(1)
    const lock = new SessionLock({ address: { url, tokenFile, ...tls }, key: 'mesh/prod/lock', holder: 'test' })
    await until(
      () => lock.held,
      (held) => held,
    )
    expect(await ledger.compact(1, lock)).toBe(0)
    await lock.stop()

    const reader = await open(await file('reader', await token('key_prefix "mesh/prod" { policy = "read" }')))
    expect(reader.read('x.yaml')!.toString()).toBe('a: 1\n')
    await expect(reader.apply(change('a: 2\n'), by)).rejects.toThrow(/status 403.*ACL token may not do this/)
    await ledger.apply(change('a: 3\n'), by)
    await until(
      () => reader.head,
      (head) => head === 2,
    )
    await reader.close()
    await ledger.close()
  })

  it('serves a control plane that is told of certificates and token on its command line', async () => {
    const tokenFile = await file('both', await token(DISCOVERY + STORE))
    const plane = await serveChild(`consul:${url}/mesh/prod`, {
      cwd: folder,
      args: [
        ...['--consul', url, '--consul-token-file', tokenFile, '--state-dir', join(folder, 'state')],
        ...['--consul-ca', tls.ca, '--consul-cert', tls.cert, '--consul-key', tls.key],
      ],
    })
    const states = async () => {
      const { sources } = (await plane.api('/api/v1/sources')) as { sources: { name: string; state: string }[] }
      return sources.map(({ name, state }) => `${name} ${state}`)
    }
    await expect.poll(states).toEqual([`consul:${url} ok`, `consul:${url}/mesh/prod ok`])
    await plane.process.stop()
  })
})

describe.skipIf(!(await hasConsul()))('several datacenters', () => {
  it('are one mesh: names carry the datacenter; one that is out of reach keeps its last good endpoints', async () => {
    const near = await startConsul({ datacenter: 'near' })
    const far = await startConsul({ datacenter: 'far', joinWan: near.serfWan })
    await until(
      () => near.call('GET', '/v1/catalog/datacenters'),
      (list) => (list as string[]).length === 2,
    )
    await near.register({ name: 'web', id: 'n1', port: 9101 })
    await far.register({ name: 'web', id: 'f1', port: 9201 })
    await far.register({ name: 'only-far', id: 'o1', port: 9202 })
    // One that cannot be reached from the beginning is not waited for by the others for longer than a loss would be.
    const lonely = await consulBed(near.url, '', { datacenters: ['nowhere'], probeMs: 200, confirmMs: 500 })
    await lonely.source.whenReady()
    await until(
      () => served(lonely, 'web.service.consul'),
      (list) => list.join() === '9101 healthy',
    )
    await expect
      .poll(() => lonely.source.state())
      .toMatchObject({
        state: 'degraded',
        error: expect.stringMatching(/nowhere|datacenter/),
      })
    await lonely.stop()
    const bed = await consulBed(near.url, '', { datacenters: ['far'], waitMs: 1_000, probeMs: 200, confirmMs: 1_000 })
    await bed.source.whenReady()
    const holds = async (host: string, list: readonly string[]) =>
      expect(
        await until(
          () => served(bed, host),
          (seen) => JSON.stringify(seen) === JSON.stringify(list),
        ),
      ).toEqual(list)
    await holds('web.service.consul', ['9101 healthy'])
    await holds('web.service.far.consul', ['9201 healthy'])
    await holds('only-far.service.far.consul', ['9202 healthy'])
    await far.register({ name: 'web', id: 'f2', port: 9203 })
    await holds('web.service.far.consul', ['9201 healthy', '9203 healthy'])

    await far.kill()
    const { error } = await until(
      () => bed.source.state(),
      ({ state }) => state === 'degraded',
    )
    expect(error).toMatch(/dc=far|far|health\/service|catalog/)
    await near.register({ name: 'web', id: 'n2', port: 9102 })
    await holds('web.service.consul', ['9101 healthy', '9102 healthy'])
    await holds('web.service.far.consul', ['9201 healthy', '9203 healthy'])
    await bed.stop()
  })
})
