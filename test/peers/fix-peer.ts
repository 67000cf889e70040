import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest, stopAfterTests } from '../helpers/processes.ts'
import { expectFairShare, type Peer } from './mesh.ts'
import { javaProgram, run } from './packages.ts'

/** A JVM takes seconds to start, and many on a busy machine. */
const patient = { timeout: 240_000 }

const java = () => javaProgram('fix', 'FixPeer')
const host = 'echo.fix'

/** What each session says: `TARGET = server:last order`. QuickFIX/J writes its own log between (a heartbeat that comes after the logout). */
async function sessions(port: number, targets: string, count: number, orders: number, beats = 0): Promise<string[]> {
  const args = ['call', port, targets, count, orders, beats].map(String)
  const { stdout } = await run('java', [...(await java()), ...args], { timeout: 200_000 })
  return stdout.split('\n').filter((line) => /^\w+ [=!] /.test(line))
}

/** A Logon without a data dictionary's help. */
function logon(target: string): Buffer {
  const now = new Date().toISOString().replaceAll('-', '').replace('T', '-').slice(0, 21)
  const body = `35=A|34=1|49=RAW|52=${now}|56=${target}|98=0|108=30|141=Y|`.replaceAll('|', '\x01')
  const start = Buffer.from(`8=FIX.4.4\x019=${body.length}\x01${body}`)
  const sum = start.reduce((total, byte) => total + byte, 0) % 256
  return Buffer.concat([start, Buffer.from(`10=${String(sum).padStart(3, '0')}\x01`)])
}

/** Sends a Logon in pieces of so many bytes. `received` is what came back so far. */
async function raw(port: number, target: string, piece: number) {
  const socket = connect(port, '127.0.0.1')
  stopAfterTests(async () => void socket.destroy())
  const seen = { received: '', closed: false }
  socket.on('data', (chunk) => {
    seen.received += String(chunk)
  })
  socket.on('close', () => {
    seen.closed = true
  })
  socket.on('error', () => undefined)
  socket.setNoDelay(true)
  await once(socket, 'connect')
  const bytes = logon(target)
  for (let at = 0; at < bytes.length; at += piece) {
    await new Promise<void>((resolve) => socket.write(bytes.subarray(at, at + piece), () => resolve()))
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return seen
}

/** FIX 4.4 by the document of the examples: acceptors and initiators of QuickFIX/J. */
export const fixPeer: Peer = {
  protocol: 'fix',
  document: () => readFile(fileURLToPath(new URL('../../examples/protocols/fix.yaml', import.meta.url)), 'utf8'),
  rules: {
    a: `match: [{target: EXCHA}], svrName: ${host}, subset: a`,
    b: `match: [{target: EXCHB}], svrName: ${host}, subset: b`,
    half: `match: [{target: BOTH}], route: [{destination: {host: ${host}, subset: a}, weight: 50}, {destination: {host: ${host}, subset: b}, weight: 50}]`,
    refused: `match: [{target: REFUSED}], svrName: ${host}, fault: {abort: {percentage: {value: 100}}}`,
  },
  prepare: java,
  servers: async () => {
    const [a, b] = (await freePorts(2)) as [number, number]
    let ready = false
    const child = await spawnForTest({
      command: 'java',
      args: [...(await java()), 'serve', 'a', String(a), 'b', String(b)],
      onLine: (line) => {
        ready ||= line === 'ready'
      },
    })
    await eventually(() => expect(ready, child.errors()).toBe(true), { withinMs: 60_000 })
    return [a, b]
  },
  tests: (edge) => {
    it('each session stays at the company it names, with its heartbeats and all its orders', patient, async () => {
      expect(await sessions(edge(), 'EXCHA,EXCHB', 2, 300, 2)).toEqual([
        'EXCHA = a:300',
        'EXCHA = a:300',
        'EXCHB = b:300',
        'EXCHB = b:300',
      ])
    })

    it('a split halves the sessions, and each keeps its server', patient, async () => {
      const lines = await sessions(edge(), 'BOTH', 200, 3)
      expect(
        lines.every((line) => /^BOTH = [ab]:3$/.test(line)),
        lines.join(),
      ).toBe(true)
      expectFairShare(lines.map((line) => line.slice(7, 8)))
    })

    it('a Logon that comes byte by byte is answered', async () => {
      const seen = await raw(edge(), 'EXCHB', 1)
      await eventually(() =>
        expect(seen.received.replaceAll('\x01', '|')).toMatch(
          /^8=FIX\.4\.4\|9=\d+\|35=A\|.*\|49=EXCHB\|.*\|10=\d{3}\|$/,
        ),
      )
    })

    it('a fault and a company without a route end the connection', async () => {
      for (const target of ['REFUSED', 'NOBODY']) {
        const seen = await raw(edge(), target, 1000)
        await eventually(() => expect(seen).toEqual({ received: '', closed: true }))
      }
    })
  },
}
