import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import type { Left } from './program.ts'

it('a proxy holds nothing of what came and went: listeners, protocols, routes, clusters, hosts, names, certificates, limits, logs, and clients that left at any moment', async () => {
  // A process of its own: its heap is small enough to be read.
  const program = fork(fileURLToPath(new URL('./program.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  })
  onTestFinished(() => void program.kill('SIGKILL'))
  const ended = once(program, 'exit').then(([code, signal]) => {
    throw new Error(`it ended with ${signal ?? code}`)
  })
  const [left] = (await Promise.race([once(program, 'message'), ended])) as [Left]
  expect(left.names).toEqual([])
  expect(left.objects).toEqual(left.expected)
  expect(left.openLogs).toEqual([])
})
