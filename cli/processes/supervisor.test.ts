import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../../test/helpers/eventually.ts'
import { Supervisor, type Wanted } from './supervisor.ts'

const log: string[] = []
let supervisor: Supervisor

function supervise(options = {}): Supervisor {
  log.length = 0
  supervisor = new Supervisor(
    {
      started: (name) => log.push(`${name} started`),
      failed: (name, reason, retryMs) => log.push(`${name} ${reason}, again in ${retryMs}`),
      stopped: (name) => log.push(`${name} stopped`),
      line: (name, line) => log.push(`${name}: ${line}`),
    },
    options,
  )
  return supervisor
}

const sh = (name: string, script: string): Wanted => ({ name, options: { command: '/bin/sh', args: ['-c', script] } })

afterEach(() => supervisor.stop())

describe('the supervisor', () => {
  test('a program that ends is started again, later each time', async () => {
    await supervise({ retryMs: 10, maxRetryMs: 20 }).want([sh('a', 'exit 3')])
    await eventually(() => expect(log.filter((line) => line.includes('again')).length).toBeGreaterThanOrEqual(3))
    const failures = log.filter((line) => line.includes('again'))
    expect(failures.slice(0, 3)).toEqual([
      'a ended with exit code 3, again in 10',
      'a ended with exit code 3, again in 20',
      'a ended with exit code 3, again in 20',
    ])
    expect(supervisor.state('a')).toMatchObject({ reason: 'ended with exit code 3' })
    expect(supervisor.state('a')!.failures).toBeGreaterThanOrEqual(3)
    expect(supervisor.state('b')).toBeUndefined()
  })

  test('a program that cannot be started is reported and does not hold up the others', async () => {
    await supervise().want([{ name: 'a', options: { command: '/nowhere' } }, sh('b', 'echo hi; sleep 60')])
    expect(log).toContain('a cannot start /nowhere: there is no such program, again in 500')
    await eventually(() => expect(log).toContain('b: hi'))
  })

  test('what is no longer wanted stops, what changed is replaced, what stayed is left alone', async () => {
    await supervise().want([sh('gone', 'sleep 60'), sh('changed', 'sleep 60'), sh('same', 'sleep 60')])
    log.length = 0
    await supervisor.want([sh('changed', 'sleep 61'), sh('same', 'sleep 60'), sh('new', 'sleep 60')])
    expect([...log].sort()).toEqual(['changed started', 'changed stopped', 'gone stopped', 'new started'])
  })

  test('stop ends everything at once, those waiting for a restart too', async () => {
    await supervise({ retryMs: 60_000 }).want([sh('failing', 'exit 1'), sh('running', 'sleep 60')])
    await eventually(() => expect(log.some((line) => line.startsWith('failing ended'))).toBe(true))
    await supervisor.stop()
    expect(log.filter((line) => line.endsWith('stopped')).sort()).toEqual(['failing stopped', 'running stopped'])
  })
})
