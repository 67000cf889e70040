import { complain, complainTo } from '../../../dataplane/complain.ts'
import { heap } from './heap.ts'
import { Churn, mark } from './rounds.ts'

/** What is left after so many rounds. */
export interface Left {
  /** Texts with a name of a round. */
  readonly names: readonly string[]
  /** Objects by class: how many there are, and how many there should be. */
  readonly objects: Readonly<Record<string, number>>
  readonly expected: Readonly<Record<string, number>>
  readonly openLogs: readonly string[]
}

const ROUNDS = 8
/** Of so many things is remembered that they were complained of. */
const COMPLAINTS = 1000

const churn = new Churn()
complainTo(() => undefined)
await churn.start()
for (let round = 1; round <= ROUNDS; round++) await churn.round(round)
await churn.rest(ROUNDS)
for (let other = 0; other < COMPLAINTS; other++) complain(`other ${other}`, '')
const { count, texts } = await heap()
const { expected, openLogs } = churn
const marks = Array.from({ length: ROUNDS }, (_, index) => mark(index + 1))
const left: Left = {
  names: [...texts()].filter((text) => marks.some((one) => text.includes(one))),
  objects: Object.fromEntries(Object.keys(expected).map((name) => [name, count(name)])),
  expected,
  openLogs,
}
process.send!(left)
await churn.stop()
process.disconnect()
