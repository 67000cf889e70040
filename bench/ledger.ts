/**
 * Keeps book of a million messages over 200 connections in each connection mode, while upstreams are killed, connections cut, endpoints
 * and routes taken away and brought back: each request has exactly one outcome, and at least 90 % are replied. Exits with 1 when not. The
 * last line is JSON.
 *
 * `npm run bench:ledger [-- --connections 200 --messages 1000000 --window 8 --modes shared,bound,exclusive --timeout-ms 5000 --seed N]`
 * More modes: shared-u16 and shared-u8, with ids as narrow; and with -cancels behind it, as bound-cancels, clients that end requests themselves.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import type { ConnectionMode } from '../codecs/contract.ts'
import { type Account, errorReplies, keepLedger, outcomes } from '../test/dataplane/ledger.ts'
import { conditions } from './measure.ts'

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '200' },
    messages: { type: 'string', default: '1000000' },
    window: { type: 'string', default: '8' },
    modes: { type: 'string', default: 'shared,bound,exclusive' },
    'timeout-ms': { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
// However it fails: by its figures, or by what is thrown.
process.on('exit', (code) => {
  const given = Object.entries(values).map(([name, value]) => `--${name} ${value}`)
  if (code !== 0) process.stderr.write(`To draw the same again: npm run bench:ledger -- ${given.join(' ')}\n`)
})
const [connections, messages, window] = [Number(values.connections), Number(values.messages), Number(values.window)]

function summary(account: Account) {
  const { errors, ...rest } = account
  const done = outcomes(account)
  return {
    ...rest,
    errorReplied: errorReplies(errors),
    // Of those that nobody ended.
    repliedPercent: Math.round((1000 * account.replied) / Math.max(1, done - account.cancelled)) / 10,
    perSecond: Math.round(done / Math.max(0.1, account.seconds)),
    errorCodes: errors,
  }
}

const results = []
for (const way of values.modes.split(',')) {
  const [mode, ...more] = way.split('-') as [ConnectionMode, ...string[]]
  const id = more.find((word) => word === 'u8' || word === 'u16')
  const account = await keepLedger({
    mode,
    ...(id && { id }),
    ...(more.includes('cancels') && { cancels: true }),
    connections,
    messages,
    window: mode === 'exclusive' ? Math.min(2, window) : window,
    requestTimeoutMs: Number(values['timeout-ms']),
    seed: Number(values.seed),
    progress: (so) => {
      const { sent, replied, errorReplied, cancelled, closed, wrong, kills, cuts, configurations, perSecond } =
        summary(so)
      process.stderr.write(
        `${way}: ${sent} of ${messages} sent, ${replied} replied, ${errorReplied} error replies, ${cancelled} cancelled, ${closed} closed, ${wrong.length} wrong; ` +
          `${kills} kills, ${cuts} cuts, ${configurations} configurations; ${so.seconds} s, ${perSecond}/s, load ${loadavg()[0]!.toFixed(1)}\n`,
      )
    },
  })
  results.push({ ...summary(account), way })
}
const right = results.every(
  ({ sent, replied, errorReplied, cancelled, closed, wrong, repliedPercent }) =>
    sent === messages &&
    replied + errorReplied + cancelled + closed === sent &&
    wrong.length === 0 &&
    repliedPercent >= 90,
)
console.table(results.map(({ wrong, errorCodes, ...row }) => ({ ...row, wrong: wrong.length })))
console.log(
  JSON.stringify({ connections, messages, seed: Number(values.seed), right, results, conditions: await conditions() }),
)
process.exitCode = right ? 0 : 1
