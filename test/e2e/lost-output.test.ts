import { type ChildProcess, spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROGRAM } from '../helpers/compiled.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePorts } from '../helpers/ports.ts'
import { stopAfterTests } from '../helpers/processes.ts'

/** A `meshgate serve` whose standard output is `out`, what it says on the other, and whether it answers. */
async function serve(out: 'pipe' | number) {
  const folder = testFolder('lost-output')
  await cp('examples/quickstart', folder, { recursive: true, filter: (from) => !from.includes('.meshgate') })
  const [xds, api] = (await freePorts(2)) as [number, number]
  const addresses = ['--xds', `127.0.0.1:${xds}`, '--api', `127.0.0.1:${api}`]
  const child: ChildProcess = spawn(process.execPath, [...PROGRAM, 'serve', folder, ...addresses], {
    stdio: ['ignore', out, 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  stopAfterTests(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  child.stderr!.on('data', (text) => {
    said += text
  })
  const ready = () =>
    fetch(`http://127.0.0.1:${api}/healthz/ready`).then(
      ({ status }) => status,
      () => 0,
    )
  return { child, ended, ready, said: () => said, file: join(folder, 'cart.yaml') }
}

test('a control plane whose log nobody reads any more goes on, says so, and stops in order', async () => {
  const { child, ended, ready, said, file } = await serve('pipe')
  await expect.poll(ready).toBe(200)
  child.stdout!.destroy()
  await cp(file, `${file}.yaml`)
  await expect.poll(said).toMatch(/^meshgate: the log cannot be written \(write EPIPE\); serving goes on without it\n$/)
  expect(await ready()).toBe(200)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test('a log on a full disk keeps nobody from being served', async () => {
  const { child, ended, ready, said } = await serve(openSync('/dev/full', 'w'))
  await expect.poll(ready).toBe(200)
  expect(said()).toMatch(/^meshgate: the log cannot be written \(ENOSPC.*\); serving goes on without it\n$/)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})
