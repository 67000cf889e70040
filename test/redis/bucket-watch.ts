import { Redis } from 'ioredis'
import { stopAfterTests } from '../helpers/processes.ts'

/** A token bucket that starts full: what it holds at most, and how many tokens come in a second. */
export interface Bucket {
  readonly tokens: number
  readonly perSecond: number
}

interface Question {
  readonly atMs: number
  given: boolean
}

/** Every question a Redis was asked for one counter, at the server's own time: answers may be late on a busy machine. */
export interface BucketWatch {
  /** Times at which a token was given, ms. */
  given(): readonly number[]
  /** Questions that such a bucket would have answered otherwise, with what it held then; a token of tolerance. */
  mistakes(bucket: Bucket): readonly string[]
}

/** Listens to what the Redis does with keys that contain `key`, until the test file ends. */
export async function watchBucket(url: string, key: string): Promise<BucketWatch> {
  const client = new Redis(url)
  // A connection of its own; the first was only asked to make it.
  const monitor = await client.monitor()
  client.disconnect()
  monitor.on('error', () => {})
  stopAfterTests(async () => monitor.disconnect())
  const questions: Question[] = []
  // The script reads the counter, and writes it if it gives a token.
  monitor.on('monitor', (time: string, [command = '', name = '']: readonly string[]) => {
    if (!name.includes(key)) return
    if (command.toLowerCase() === 'get') questions.push({ atMs: Number(time) * 1000, given: false })
    else if (command.toLowerCase() === 'set') questions.at(-1)!.given = true
  })
  return {
    given: () => questions.filter(({ given }) => given).map(({ atMs }) => atMs),
    mistakes({ tokens, perSecond }) {
      const found: string[] = []
      let [held, last] = [tokens, questions[0]?.atMs ?? 0]
      for (const { atMs, given } of questions) {
        // A question is noted some time after the script looked at the clock, but not before the one before it was noted.
        const least = held
        held = Math.min(tokens, held + ((atMs - last) * perSecond) / 1000)
        last = atMs
        if (given && held < 0) found.push(`given with ${held.toFixed(2)} tokens held`)
        if (!given && least > 2) found.push(`refused with ${least.toFixed(2)} tokens held or more`)
        if (given) held--
      }
      return found
    },
  }
}
