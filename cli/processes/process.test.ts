import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../test/helpers/eventually.ts'
import { StartError, startProcess } from './process.ts'

const sh = (script: string, onLine?: (line: string) => void) =>
  startProcess({ command: '/bin/sh', args: ['-c', script], ...(onLine ? { onLine } : {}) })

const alive = async (pid: number) => {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

describe('a started program', () => {
  test('a program that does not exist is a readable error', async () => {
    await expect(startProcess({ command: '/nowhere/program' })).rejects.toThrow(StartError)
    await expect(startProcess({ command: '/nowhere/program' })).rejects.toThrow(/\/nowhere\/program: there is no such/)
  })

  test('lines of both streams are handed out, and stderr is kept for error messages', async () => {
    const lines: string[] = []
    const run = await sh('echo one; echo two >&2; printf three', (line) => lines.push(line))
    expect(await run.exited).toEqual({ code: 0, signal: null })
    await eventually(() => expect([...lines].sort()).toEqual(['one', 'three', 'two']))
    expect(run.errors()).toBe('two')
  })

  test('a program can open its own output again by name, as Envoy does for access logs', async () => {
    const lines: string[] = []
    const run = await sh('echo again > /dev/stdout; echo too >> /dev/stderr', (line) => lines.push(line))
    expect(await run.exited).toEqual({ code: 0, signal: null })
    expect(lines.sort()).toEqual(['again', 'too'])
  })

  test('stop ends what the program itself started', async () => {
    const pids: number[] = []
    const run = await sh('sleep 600 & echo $!; wait', (line) => pids.push(Number(line)))
    await eventually(() => expect(pids).toHaveLength(1))
    expect(await alive(pids[0]!)).toBe(true)
    await run.stop()
    expect(run.running).toBe(false)
    await eventually(async () => expect(await alive(pids[0]!)).toBe(false))
  })

  test('a program deaf to SIGTERM is killed after the grace time', async () => {
    const ready: string[] = []
    const run = await sh(`trap '' TERM; echo ready; while :; do sleep 0.1; done`, (line) => ready.push(line))
    await eventually(() => expect(ready).toEqual(['ready']))
    expect(await run.stop(100)).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('nothing is left when the parent is killed with SIGKILL', async () => {
    const module = JSON.stringify(new URL('./process.ts', import.meta.url).href)
    const parent = spawn(
      process.execPath,
      [
        '--import',
        import.meta.resolve('tsx'),
        '--input-type=module',
        '-e',
        `import { startProcess } from ${module}
         const child = await startProcess({ command: '/bin/sh', args: ['-c', 'sleep 600 & echo $!; wait'], onLine: (line) => console.log(line) })
         console.log(child.pid)
         setInterval(() => {}, 1000)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const pids: number[] = []
    parent.stdout.setEncoding('utf8').on('data', (text: string) => pids.push(...text.trim().split('\n').map(Number)))
    await eventually(() => expect(pids).toHaveLength(2))
    expect(await Promise.all(pids.map(alive))).toEqual([true, true])
    parent.kill('SIGKILL')
    await eventually(async () => expect(await Promise.all(pids.map(alive))).toEqual([false, false]))
  })
})
