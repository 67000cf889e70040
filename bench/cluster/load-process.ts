import { Load, type LoadOptions } from './load.ts'

/**
 * The load in a process of its own: what is done to the cluster must not delay a request. Begins with the options, says so, and ends with the
 * next message.
 */

let load: Load | undefined
process.on('message', async (message) => {
  if (!load) {
    load = new Load(message as LoadOptions)
    load.start()
    process.send!('begun')
    return
  }
  await load.stop()
  const { sent, late, lost, wrong, lateMs } = load
  process.send!({ sent, late, lost, wrong, lateMs, times: load.times() }, () => process.exit())
})
process.on('disconnect', () => process.exit(1))
