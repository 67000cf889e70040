import { serveWithoutOutput } from './lost-output.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Resolves with the first of SIGINT, SIGTERM and SIGHUP. A second one ends the process at once: somebody does not want to
 * wait for an orderly stop. Until then the process outlives its output.
 */
export function untilSignal(): Promise<NodeJS.Signals> {
  serveWithoutOutput()
  return new Promise((resolve) => {
    let first = true
    for (const signal of SIGNALS)
      process.on(signal, () => {
        if (!first) process.exit(1)
        first = false
        resolve(signal)
      })
  })
}
