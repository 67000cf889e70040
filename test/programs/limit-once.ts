import { Limiter, RedisStore, Rules } from '../../controlplane/ratelimit/index.ts'

/** Counts twice in the Redis of each URL given and says how many are left, or that it cannot. */
const rules = new Rules([
  {
    ...{ namespace: 'n', name: 'one' },
    spec: { shared: true, limits: [{ tokenBucket: { maxTokens: 5, fillInterval: '1h' }, onFailure: 'deny' }] },
  } as never,
])
for (const url of process.argv.slice(2)) {
  const said = new Set<string>()
  const logger = {
    ...{ debug: () => {}, info: () => {}, error: () => {} },
    warn: ({ error }: { error?: string }) => said.add(String(error)),
  }
  const store = new RedisStore({ url, timeoutMs: 5_000, logger })
  const limiter = new Limiter({ store, rules: () => rules })
  const deadline = performance.now() + 30_000
  while (!store.healthy && said.size === 0 && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 10))
  const decide = async () =>
    (await limiter.decide('meshgate', [{ entries: [{ key: 'generic_key', value: 'n/one/0' }] }])).descriptors[0]!
      .remaining
  process.stdout.write(
    store.healthy ? `${await decide()} ${await decide()} left\n` : `cannot: ${[...said].join('; ')}\n`,
  )
  await store.stop()
}
process.exit()
