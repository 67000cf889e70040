/**
 * What a decision of the rate limit service costs: CPU of the service per decision, decisions per second and core, and how long
 * they take, counted in Redis and in memory, beside a gRPC server of the same library that decides nothing.
 *
 * `npm run bench:ratelimit [-- --rounds 3 --seconds 3 --rate 1000 -o json]`
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, credentials } from '@grpc/grpc-js'
import { startProcess } from '../../cli/processes/process.ts'
import {
  RateLimitRequestSchema,
  RateLimitResponse_Code,
  RateLimitResponseSchema,
} from '../../proto/gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { freePorts } from '../../test/helpers/ports.ts'
import { stopEverything } from '../../test/helpers/processes.ts'
import { hasRedis, startRedis } from '../../test/helpers/redis.ts'
import { cpuMs, median, quantile, report, round } from '../measure.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Subject {
  readonly name: string
  readonly pid: number
  readonly port: number
  /** Of its metrics, where it has some. */
  readonly metricsPort: number
  stop(): Promise<unknown>
}

interface Measured {
  /** CPU µs of the service for a decision, at full load. */
  readonly cpuUs: number
  /** Decisions a second at full load. */
  readonly perSecond: number
  /** ms at a steady rate. */
  readonly p50: number
  readonly p99: number
  readonly late: number
}

const DEADLINE_MS = 20

async function start(name: string, args: readonly string[]): Promise<Subject> {
  const [port, metricsPort] = (await freePorts(2)) as [number, number]
  const tsx = ['--import', 'tsx']
  const run = await startProcess({
    command: process.execPath,
    args: [...tsx, ...args.map((arg) => arg.replace('METRICS', String(metricsPort)).replace('PORT', String(port)))],
    cwd: root,
  })
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  await promisify(client.waitForReady.bind(client))(Date.now() + 60_000)
  client.close()
  return { name, pid: run.pid, port, metricsPort, stop: () => run.stop() }
}

/** Asks one instance about a rule; `users` are as many values of its second entry, none where the rule has no other than itself. */
function caller(port: number, rule = 'default/bench/0', users = 1000) {
  // Several connections, as several proxies have.
  const clients = Array.from(
    { length: 4 },
    (_, index) => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.channel_id': index }),
  )
  const same = (bytes: Buffer) => bytes
  let next = 0
  const request = (user?: number) =>
    Buffer.from(
      toBinary(
        RateLimitRequestSchema,
        create(RateLimitRequestSchema, {
          domain: 'meshgate',
          descriptors: [
            {
              entries: [
                { key: 'generic_key', value: rule },
                ...(user === undefined ? [] : [{ key: 'x-user', value: `user-${user}` }]),
              ],
            },
          ],
        }),
      ),
    )
  const requests = users === 0 ? [request()] : Array.from({ length: users }, (_, user) => request(user))
  return {
    call: () =>
      new Promise<Buffer>((resolve, reject) => {
        const index = next++
        clients[index % clients.length]!.makeUnaryRequest(
          '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
          same,
          same,
          requests[index % requests.length]!,
          (error, answer) => (error || !answer ? reject(error) : resolve(answer)),
        )
      }),
    close: () => {
      for (const client of clients) client.close()
    },
  }
}

/**
 * What two instances on one Redis admit together of half as much again as the limit of 1,000/s (burst 100): share of what is due, and the most in any
 * second. Times are those of answers here, so a second may seem to hold some that belong to its neighbours.
 */
async function admission(instances: readonly Subject[], seconds: number) {
  const callers = instances.map(({ port }) => caller(port, 'default/limited/0', 0))
  for (const { call } of callers) for (let index = 0; index < 50; index++) await call()
  await sleep(500)
  const before = await refusedUncounted(instances)
  const admitted: number[] = []
  let asked = 0
  const open: Promise<void>[] = []
  const from = performance.now()
  for (let elapsed = 0; elapsed < seconds * 1_000; elapsed = performance.now() - from) {
    for (; asked < elapsed * 1.5; asked++)
      open.push(
        callers[asked % callers.length]!.call().then((answer) => {
          const { overallCode } = fromBinary(RateLimitResponseSchema, answer)
          if (overallCode === RateLimitResponse_Code.OK) admitted.push(performance.now())
        }),
      )
    await sleep(2)
  }
  await Promise.all(open)
  for (const { close } of callers) close()
  admitted.sort((a, b) => a - b)
  const due = 100 + (admitted.at(-1)! - from)
  let most = 0
  for (let at = 0, end = 0; at < admitted.length; at++) {
    while (end < admitted.length && admitted[end]! - admitted[at]! < 1_000) end++
    most = Math.max(most, end - at)
  }
  return {
    instances: instances.length,
    asked,
    admitted: admitted.length,
    toDue: round(admitted.length / due, 4),
    mostInASecond: most,
    refusedUncounted: (await refusedUncounted(instances)) - before,
  }
}

/** Requests that were refused because Redis's answer came after the deadline, by what the instances count. */
async function refusedUncounted(instances: readonly Subject[]): Promise<number> {
  let sum = 0
  for (const { metricsPort } of instances) {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    for (const line of text.split('\n'))
      if (/^meshgate_ratelimit_hits_total\{.*failed_closed/.test(line)) sum += Number(line.split(' ').at(-1))
  }
  return sum
}

/** What must hold of two instances that share one limit of 1,000/s (burst 100), and whether it did. */
function verdicts({ toDue, mostInASecond, refusedUncounted: late }: Awaited<ReturnType<typeof admission>>) {
  return [
    {
      what: 'two instances admit of what 1,000/s is due',
      ...{ measured: toDue, wanted: '0.98 to 1.02', met: Math.abs(toDue - 1) <= 0.02 },
      remark: late > 0 ? `${late} refused because Redis answered too late` : '',
    },
    {
      what: 'the most in any second, to 1,000',
      ...{ measured: round(mostInASecond / 1_000, 3), wanted: '1.1 at most', met: mostInASecond <= 1_100, remark: '' },
    },
  ]
}

async function measure(subject: Subject, seconds: number, rate: number): Promise<Measured> {
  const { call, close } = caller(subject.port)
  for (let index = 0; index < 200; index++) await call()
  // Full load.
  const began = performance.now()
  const cpuBefore = cpuMs(subject.pid) ?? Number.NaN
  let done = 0
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (performance.now() - began < seconds * 1000) {
        await call()
        done++
      }
    }),
  )
  const cpu = (cpuMs(subject.pid) ?? Number.NaN) - cpuBefore
  const elapsed = (performance.now() - began) / 1000
  // A steady rate, open loop: a slow answer does not hold back the next question.
  const times: number[] = []
  const open: Promise<void>[] = []
  const from = performance.now()
  for (let index = 0; index < rate * seconds; index++) {
    const due = from + (index * 1000) / rate
    const wait = due - performance.now()
    if (wait > 0.5) await sleep(wait)
    const sent = performance.now()
    open.push(call().then(() => void times.push(performance.now() - sent)))
  }
  await Promise.all(open)
  close()
  return {
    cpuUs: (cpu * 1000) / done,
    perSecond: done / elapsed,
    p50: median(times),
    p99: quantile(times, 0.99),
    late: times.filter((time) => time > DEADLINE_MS).length / times.length,
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      rate: { type: 'string', default: '1000' },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  })
  const [rounds, seconds, rate] = [Number(values.rounds), Number(values.seconds), Number(values.rate)]
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-limits-'))
  await writeFile(
    join(folder, 'limits.yaml'),
    `apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: bench, namespace: default}
spec:
  shared: true
  limits:
  - {per: [x-user], tokenBucket: {maxTokens: 1000000, tokensPerFill: 1000000, fillInterval: 1s}}
---
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: limited, namespace: default}
spec:
  shared: true
  limits:
  - {onFailure: deny, tokenBucket: {maxTokens: 100, tokensPerFill: 1000, fillInterval: 1s}}
`,
  )
  const command = ['cli/main.ts', 'ratelimit', folder, '--listen', '127.0.0.1:PORT', '--metrics', '127.0.0.1:METRICS']
  const quiet = ['--log-level', 'error']
  const redis = (await hasRedis()) ? ['--redis', (await startRedis()).url] : undefined
  const subjects = [
    await start('decides nothing', ['bench/ratelimit/floor.ts', 'PORT']),
    await start('memory', [...command, ...quiet]),
    ...(redis ? [await start('Redis', [...command, ...quiet, ...redis])] : []),
  ]
  // The first seconds of a process cost up to three times as much as those after.
  for (const subject of subjects) await measure(subject, seconds, rate)
  const found = new Map<string, Measured[]>(subjects.map(({ name }) => [name, []]))
  for (let index = 0; index < rounds; index++)
    for (const subject of subjects) found.get(subject.name)!.push(await measure(subject, seconds, rate))
  const figure = (name: string, field: keyof Measured) => median(found.get(name)!.map((one) => one[field]))
  const rows = subjects.map(({ name }) => ({
    subject: name,
    'CPU µs/decision': round(figure(name, 'cpuUs'), 1),
    'to nothing': round(figure(name, 'cpuUs') / figure('decides nothing', 'cpuUs')),
    'decisions/s': Math.round(figure(name, 'perSecond')),
    // Of the same round as the CPU beside it.
    'decisions/s/core': Math.round(1_000_000 / figure(name, 'cpuUs')),
    [`p50 ms at ${rate}/s`]: round(figure(name, 'p50')),
    'p99 ms': round(figure(name, 'p99')),
    'later than 20 ms %': round(figure(name, 'late') * 100),
  }))
  // How far rounds of one process lie apart, for each.
  const spread = Object.fromEntries([...found].map(([name, all]) => [name, all.map(({ cpuUs }) => round(cpuUs, 1))]))
  const second = redis && (await start('Redis', [...command, ...quiet, ...redis]))
  if (second) await measure(second, seconds, rate)
  const admits = second && (await admission([subjects.at(-1)!, second], 10))
  await second?.stop()
  const judged = admits ? verdicts(admits) : []
  if (!redis) process.stderr.write('no redis-server: figures for Redis are missing\n')
  const { stdout } = await promisify(execFile)('redis-server', ['--version']).catch(() => ({ stdout: '' }))
  if (values.output !== 'json') console.table(judged)
  await report(
    rows,
    {
      benchmark: 'ratelimit',
      redis: stdout.split(' ')[2] ?? '',
      rounds,
      seconds,
      rate,
      rows,
      spread,
      admits,
      verdicts: judged,
    },
    values.output,
  )
  for (const subject of subjects) await subject.stop()
  await stopEverything()
  await rm(folder, { recursive: true, force: true })
}

await main()
process.exit(0)
