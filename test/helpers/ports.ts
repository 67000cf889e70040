import { connect, createServer } from 'node:net'
import { comesTrue, IN_THE_END_MS } from './eventually.ts'

/**
 * Below the ports the system gives to outgoing connections: one of those is soon somebody's again. Each worker of a run has a stretch of its
 * own, so that none takes a port that another was given and has not bound yet, or whose server is about to be started again.
 */
const STRETCH = 1_500
const WORKER = Number(process.env['VITEST_POOL_ID'] ?? 0) % 8
const FIRST = 20_000 + WORKER * STRETCH
const LAST = FIRST + STRETCH

/** Each process begins elsewhere: there may be another run on this machine. */
let next = FIRST + ((process.pid * 131) % STRETCH)

/**
 * `count` different TCP ports of 127.0.0.1 that nobody listens on now. A process that is not of this run may take one in between; bind
 * to port 0 instead wherever the server can tell what it got.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > LAST - FIRST) throw new Error(`no port from ${FIRST} to ${LAST} is free`)
    const port = next
    next = next + 1 < LAST ? next + 1 : FIRST
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!
}

/** Resolves once something accepts connections there. @throws Error when that does not come about. */
export async function portOpen(port: number, { host = '127.0.0.1', withinMs = IN_THE_END_MS } = {}): Promise<void> {
  await comesTrue(() => accepts(port, host), `something listens on ${host}:${port}`, { withinMs })
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
