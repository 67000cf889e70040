import { once } from 'node:events'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, portOpen } from '../helpers/ports.ts'
import { spawnForTest, stopAfterTests } from '../helpers/processes.ts'
import { npmPackage, pipFolder, run } from './packages.ts'

/** The part of npm `thrift` that generated code would call; the service has methods of one string that return a string. */
interface Protocol {
  writeMessageBegin(name: string, type: number, seqid: number): void
  writeMessageEnd(): void
  writeStructBegin(name: string): void
  writeStructEnd(): void
  writeFieldBegin(name: string, type: number, id: number): void
  writeFieldEnd(): void
  writeFieldStop(): void
  writeString(text: string): void
  readMessageBegin(): { readonly fname: string; readonly mtype: number; readonly rseqid: number }
  readMessageEnd(): void
  readStructBegin(): void
  readStructEnd(): void
  readFieldBegin(): { readonly ftype: number; readonly fid: number }
  readFieldEnd(): void
  readString(): string
  skip(type: number): void
  flush(): void
}
type ProtocolClass = new (transport: unknown) => Protocol
interface Connection {
  on(event: string, listener: (error: Error) => void): void
  end(): void
}
interface Exception {
  read(from: Protocol): void
  readonly message: string
  readonly type: number
}
interface Thrift {
  readonly Thrift: { readonly TApplicationException: new (type?: number, message?: string) => Exception }
  readonly TFramedTransport: unknown
  readonly TBinaryProtocol: ProtocolClass
  readonly TCompactProtocol: ProtocolClass
  createConnection(host: string, port: number, options: object): Connection
  createClient<T>(client: new (transport: unknown, protocol: ProtocolClass) => T, connection: Connection): T
  createServer(processor: new (handler: unknown) => unknown, handler: unknown, options: object): Server
}

const [CALL, REPLY, EXCEPTION, ONEWAY] = [1, 2, 3, 4]
const [STOP, STRING] = [0, 11]

function writeText(to: Protocol, field: number, text: string): void {
  to.writeStructBegin('struct')
  to.writeFieldBegin('text', STRING, field)
  to.writeString(text)
  to.writeFieldEnd()
  to.writeFieldStop()
  to.writeStructEnd()
}

function readText(from: Protocol): string {
  let text = ''
  from.readStructBegin()
  for (;;) {
    const { ftype } = from.readFieldBegin()
    if (ftype === STOP) break
    if (ftype === STRING) text = from.readString()
    else from.skip(ftype)
    from.readFieldEnd()
  }
  from.readStructEnd()
  return text
}

/** A server of npm `thrift`, framed binary. `seen` collects one-way texts. */
export async function nodeThriftServer(name: string, seen: string[]): Promise<number> {
  const thrift = await npmPackage<Thrift>('thrift')
  class Processor {
    process(input: Protocol, output: Protocol): void {
      const { fname, mtype, rseqid } = input.readMessageBegin()
      const text = readText(input)
      input.readMessageEnd()
      if (mtype === ONEWAY) {
        seen.push(`${fname}:${text}`)
        return
      }
      const answer = () => {
        output.writeMessageBegin(fname, REPLY, rseqid)
        writeText(output, 0, `${name}:${text}`)
        output.writeMessageEnd()
        output.flush()
      }
      if (fname.endsWith('slow')) setTimeout(answer, 5000)
      else answer()
    }
  }
  const server = thrift.createServer(
    Processor,
    {},
    { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol },
  )
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stopAfterTests(async () => server.close())
  return (server.address() as { port: number }).port
}

export type Answer = { readonly text: string } | { readonly error: string; readonly code: number }

export interface ThriftClient {
  call(method: string, text: string): Promise<Answer>
  oneway(method: string, text: string): void
  close(): void
}

/** A client of npm `thrift`, framed. */
export async function nodeThriftClient(port: number, protocol: 'binary' | 'compact'): Promise<ThriftClient> {
  const thrift = await npmPackage<Thrift>('thrift')
  const waiting = new Map<number, (answer: Answer) => void>()
  let last = 0
  class Client {
    readonly _reqs: Record<number, unknown> = {}
    readonly output: () => Protocol
    constructor(transport: unknown, protocolClass: ProtocolClass) {
      this.output = () => new protocolClass(transport)
      // The library looks for a method for each name it gets a reply for.
      // biome-ignore lint/correctness/noConstructorReturn: any name is a method of this service
      return new Proxy(this, {
        get: (target, key, self) =>
          String(key).startsWith('recv_')
            ? (input: Protocol, type: number, dummy: number) => target.receive(input, type, dummy)
            : Reflect.get(target, key, self),
      })
    }
    send(method: string, text: string, type: number): number {
      const output = this.output()
      const id = ++last
      output.writeMessageBegin(method, type, id)
      writeText(output, 1, text)
      output.writeMessageEnd()
      output.flush()
      return id
    }
    receive(input: Protocol, type: number, dummy: number): void {
      let answer: Answer
      if (type === EXCEPTION) {
        const error = new thrift.Thrift.TApplicationException()
        error.read(input)
        answer = { error: error.message, code: error.type }
      } else answer = { text: readText(input) }
      input.readMessageEnd()
      const commit = this._reqs[dummy] as () => void
      delete this._reqs[dummy]
      commit()
      waiting.get(-dummy)?.(answer)
      waiting.delete(-dummy)
    }
  }
  const connection = thrift.createConnection('127.0.0.1', port, {
    transport: thrift.TFramedTransport,
    protocol: protocol === 'binary' ? thrift.TBinaryProtocol : thrift.TCompactProtocol,
  })
  let failed: Error | undefined
  connection.on('error', (error) => {
    failed = error
    for (const answer of waiting.values()) answer({ error: error.message, code: -1 })
  })
  const client = thrift.createClient(Client, connection)
  return {
    call: (method, text) =>
      new Promise((resolve, reject) => {
        if (failed) reject(failed)
        waiting.set(client.send(method, text, CALL), resolve)
      }),
    oneway: (method, text) => {
      client.send(method, text, ONEWAY)
    },
    close: () => connection.end(),
  }
}

const program = fileURLToPath(new URL('./programs/thrift_peer.py', import.meta.url))
const python = async () => ({ ...process.env, PYTHONPATH: await pipFolder(), PYTHONDONTWRITEBYTECODE: '1' })

/** A server of Python `thrift`: framed binary, framed compact, THeader. @returns its port */
export async function pythonThriftServer(name: string): Promise<number> {
  const port = await freePort()
  await spawnForTest({ command: 'python3', args: [program, 'serve', name, String(port)], env: await python() })
  await portOpen(port)
  return port
}

/** `count` calls one after the other by a client of Python `thrift`. */
export async function pythonThriftCalls(
  protocol: 'binary' | 'compact' | 'header' | 'header-compact',
  port: number,
  method: string,
  text: string,
  count = 1,
): Promise<Answer[]> {
  const { stdout } = await run('python3', [program, 'call', protocol, String(port), method, text, String(count)], {
    env: await python(),
    cwd: join(program, '..'),
  })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer)
}
