import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js'
import { cacheDirectory } from '../../cli/tools/wheels.ts'
import { stopAfterTests } from './processes.ts'

const GRPCIO = '1.84.0'
const run = promisify(execFile)
const programs = fileURLToPath(new URL('../grpc/programs/', import.meta.url))

export interface CallResult {
  /** Calls by the name of the server that answered. */
  readonly served: Readonly<Record<string, number>>
  /** Failed calls by status and text. */
  readonly errors: Readonly<Record<string, number>>
}

/** grpcio of the pinned version, fetched by package name at first use; undefined where Python or pip is missing. */
export async function pythonGrpc(): Promise<string | undefined> {
  const folder = join(cacheDirectory(), `grpcio-${GRPCIO}`)
  if (existsSync(folder)) return folder
  const work = `${folder}.${process.pid}`
  mkdirSync(work, { recursive: true })
  try {
    process.stderr.write(`test setup: fetching grpcio ${GRPCIO} with pip (once) …\n`)
    await run('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--only-binary',
      ':all:',
      '--target',
      work,
      `grpcio==${GRPCIO}`,
    ])
    renameSync(work, folder)
  } catch (error) {
    if (!existsSync(folder)) {
      process.stderr.write(`no grpcio: ${error instanceof Error ? error.message : error}\n`)
      return undefined
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return folder
}

/** Calls through a client library in a process of its own, since each reads its bootstrap once. */
export async function callWith(
  library: 'grpcio' | 'grpc-js',
  bootstrap: object,
  target: string,
  count: number,
  headers: readonly string[] = [],
  /** After its calls the client stays until this is over, for what it has to report. */
  until?: Promise<unknown>,
): Promise<CallResult> {
  const env = {
    ...process.env,
    ...('certificate_providers' in bootstrap && { XDS_CREDENTIALS: 'yes' }),
    ...(until && { STAY: 'until standard input ends' }),
    GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap),
    GRPC_VERBOSITY: 'ERROR',
  }
  const running =
    library === 'grpcio'
      ? run('python3', [join(programs, 'client.py'), target, String(count), ...headers], {
          env: { ...env, PYTHONPATH: await pythonGrpc() },
          timeout: 60_000,
        })
      : run(process.execPath, [join(programs, 'client.mjs'), target, String(count), ...headers], {
          env,
          timeout: 60_000,
        })
  const leave = () => running.child.stdin?.end()
  until?.then(leave, leave)
  const { stdout } = await running
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

export const serverProgram = join(programs, 'server.py')

/** A gRPC backend on a loopback port that answers /test.Echo/Say with its name, by mutual TLS where it has credentials. */
export async function grpcBackend(
  name: string,
  credentials = ServerCredentials.createInsecure(),
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = new Server()
  const say: handleUnaryCall<Buffer, Buffer> = (_call, answer) => answer(null, Buffer.from(name))
  const bytes = (value: Buffer) => value
  server.register('/test.Echo/Say', say, bytes, bytes, 'unary')
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  const stop = async () => server.forceShutdown()
  stopAfterTests(stop)
  return { port, stop }
}
