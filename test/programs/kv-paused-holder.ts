import { ConsulHttp, Kv, SessionLock } from '../../controlplane/consul/index.ts'

/**
 * Takes a lock, prepares to delete a key under its fence, stops itself as a paused machine would, and tries when it is let go on.
 * Arguments: url, key of the lock, key to delete.
 */
const [url, lockKey, victim] = process.argv.slice(2) as [string, string, string]
const kv = new Kv(new ConsulHttp({ url }))
const lock = new SessionLock({ address: { url }, key: lockKey, holder: 'paused' })
while (!lock.held) await new Promise((resolve) => setTimeout(resolve, 20))
const fence = lock.fence()!
process.stdout.write('pausing\n')
// What is written above must be read before nothing more can be.
await new Promise((resolve) => setTimeout(resolve, 100))
process.kill(process.pid, 'SIGSTOP')
const done = await kv.transact([fence, { verb: 'delete', key: victim }])
process.stdout.write(`${done ? 'done' : 'refused'}\n`)
process.exit()
