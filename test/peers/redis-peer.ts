import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { freePort, portOpen } from '../helpers/ports.ts'
import { spawnForTest, stopAfterTests } from '../helpers/processes.ts'
import { expectFairShare, type Peer } from './mesh.ts'
import { run } from './packages.ts'

async function server(name: string): Promise<number> {
  const port = await freePort()
  await spawnForTest({
    command: 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
  })
  await portOpen(port)
  const redis = new Redis(port, '127.0.0.1')
  await redis.set('half:who', name)
  redis.disconnect()
  return port
}

const host = 'echo.redis'

/** Redis: two `redis-server`, `ioredis` and `redis-benchmark`. */
export const redisPeer: Peer = {
  protocol: 'redis',
  rules: {
    a: `match: [{key: {prefix: "a:"}}], svrName: ${host}, subset: a, priority: 2`,
    b: `match: [{key: {prefix: "b:"}}], svrName: ${host}, subset: b, priority: 2`,
    half: `match: [{key: {prefix: "half:"}}], route: [{destination: {host: ${host}, subset: a}, weight: 50}, {destination: {host: ${host}, subset: b}, weight: 50}], priority: 2`,
    refused: `match: [{key: {prefix: "refused:"}}], svrName: ${host}, fault: {abort: {percentage: {value: 100}, message: not today}}, priority: 2`,
    slow: `match: [{command: {exact: blpop}}], svrName: ${host}, subset: a, timeout: 0.3s, priority: 3`,
    rest: `match: [{command: {present: true}}], svrName: ${host}, subset: a, priority: 1`,
  },
  prepare: () => Promise.all(['redis-server', 'redis-benchmark'].map((program) => run(program, ['--version']))),
  servers: async () => [await server('a'), await server('b')],
  tests: (edge) => {
    const connect = () => {
      const redis = new Redis({ host: '127.0.0.1', port: edge(), retryStrategy: () => null, maxRetriesPerRequest: 0 })
      stopAfterTests(async () => redis.disconnect())
      return redis
    }

    it('each key goes to its server; replies of a pipeline come in its order', async () => {
      const redis = connect()
      await redis.set('a:1', 'in a')
      await redis.set('b:1', 'in b')
      const replies = await redis.pipeline().get('b:1').get('a:1').get('b:1').get('a:none').exec()
      expect(replies).toEqual([
        [null, 'in b'],
        [null, 'in a'],
        [null, 'in b'],
        [null, null],
      ])
    })

    it('a split halves the reads of one key', async () => {
      const redis = connect()
      const pipeline = redis.pipeline()
      for (let n = 0; n < 200; n++) pipeline.get('half:who')
      expectFairShare((await pipeline.exec())!.map(([, name]) => String(name)))
    })

    it('a fault and a time that runs out are errors in their place', async () => {
      const redis = connect()
      const replies = await redis.pipeline().set('a:2', 'x').get('refused:1').get('a:2').exec()
      expect(replies?.map(([error, value]) => error?.message ?? value)).toEqual(['OK', 'ERR not today', 'x'])
      await expect(redis.blpop('a:nothing', 5)).rejects.toThrow('ERR upstream request timeout')
      expect(await redis.get('a:2')).toBe('x')
    })

    it('binary values, transactions and scripts pass unchanged', async () => {
      const redis = connect()
      const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251))
      await redis.set('a:bytes', bytes)
      expect(await redis.getBuffer('a:bytes')).toEqual(bytes)
      expect(await redis.multi().set('a:3', '1').incr('a:3').exec()).toEqual([
        [null, 'OK'],
        [null, 2],
      ])
      expect(await redis.eval('return {1, {ARGV[1], 2}}', 0, 'x')).toEqual([1, ['x', 2]])
    })

    it('redis-benchmark runs through it', async () => {
      const options = ['-h', '127.0.0.1', '-p', String(edge()), '-c', '20', '-n', '2000', '-P', '16', '--csv']
      const { stdout } = await run('redis-benchmark', [...options, '-t', 'set,get,incr,lpush,mset'], {
        timeout: 60_000,
      })
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split(',')[0]),
      ).toEqual(expect.arrayContaining(['"SET"', '"GET"', '"INCR"', '"LPUSH"']))
    })
  },
}
