import { parseArgs } from 'node:util'
import { Fuzz, Harm } from './driver.ts'
import { keepHarm } from './keep.ts'

/**
 * Fuzzes a living proxy for as long as one likes: `npm run fuzz:proxy -- --minutes 60 [--seed N]`. What does harm is written to
 * `test/dataplane/fuzz/seeds`, where the tests replay it.
 */
const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const until = Date.now() + Number(values.minutes ?? 1) * 60_000
let seed = Number(values.seed ?? Date.now() % 2 ** 31)
let harms = 0
let [streams, answered, peakBytes] = [0, 0, 0]

while (Date.now() < until && harms < 20) {
  const fuzz = new Fuzz(seed)
  try {
    await fuzz.start()
    // A new proxy now and then: what only happens early happens again.
    for (let round = 0; round < 100 && Date.now() < until; round++) {
      await fuzz.storm(500)
      await fuzz.check()
      // While all that was sent since the last time is still known.
      if (round % 4 === 3) await fuzz.settle()
    }
    await fuzz.settle()
  } catch (error) {
    if (!(error instanceof Harm)) {
      console.log(`seed ${seed}`)
      throw error
    }
    harms++
    console.log(
      `${keepHarm(error, seed, fuzz.streams)}\n  all from the start, as far as time allows: npm run fuzz:proxy -- --minutes ${values.minutes ?? 1} --seed ${seed}`,
    )
  }
  fuzz.stop()
  streams += fuzz.streams
  answered += fuzz.answered
  peakBytes = Math.max(peakBytes, fuzz.peakBytes)
  console.log(JSON.stringify({ seed, streams, answered, peakMB: Math.round(peakBytes / 1e6), harms }))
  seed++
}
process.exit(harms > 0 ? 1 : 0)
