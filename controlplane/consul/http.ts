import { readFileSync, statSync } from 'node:fs'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { errorText } from '../../errors/thrown.ts'

/** How to reach a Consul agent. */
export interface ConsulAddress {
  /** `http://127.0.0.1:8500` or `https://…`. */
  readonly url: string
  /** File with the ACL token on its first line; read again when it changes. */
  readonly tokenFile?: string | undefined
  /** Names of PEM files. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface ConsulAnswer {
  readonly status: number
  /** `X-Consul-Index`; 0 when there is none. */
  readonly index: number
  readonly body: Buffer
}

export interface ConsulRequest {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Begins with `/v1/`; names are to be encoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: Uint8Array | string
  readonly timeoutMs?: number
  /** Told once when there is no answer after so long, ms, with what it waits for, as in `no answer within 2000 ms`. */
  readonly late?: { readonly afterMs: number; tell(waiting: string): void }
  readonly signal?: AbortSignal
  /** Largest body taken, bytes. */
  readonly maxBytes?: number
}

/** A Consul that cannot be asked, or whose answer cannot be used. */
export class ConsulError extends Error {
  override name = 'ConsulError'
  /** Absent when there was no answer at all. */
  readonly status: number | undefined
  /** There was no answer in time. */
  readonly isLate: boolean

  constructor(message: string, status?: number, options: ErrorOptions & { readonly isLate?: boolean } = {}) {
    super(message, options)
    this.status = status
    this.isLate = options.isLate ?? false
  }
}

/** Whole catalogs of thousands of services stay far below this. */
const MOST_BYTES = 64 * 1024 * 1024
/** Of all answers that are being read, bytes: hundreds of watches at an agent gone mad must not fill the memory together. */
const MOST_HELD_BYTES = 2 * MOST_BYTES
/** An agent without a leader answers after 7 s that it has none. */
const TIMEOUT_MS = 9_000

/**
 * Calls to one Consul agent. Every call ends: with an answer that is complete, or with a ConsulError (a body cut in the middle, a
 * connection nobody answers on, a body too large). The token and certificates are read from their files again when these change.
 * https://developer.hashicorp.com/consul/api-docs/api-structure
 */
export class ConsulHttp {
  readonly url: string
  readonly #base: URL
  readonly #address: ConsulAddress
  #agent: HttpAgent | HttpsAgent | undefined
  #agentOf = ''
  #token: { readonly version: string; readonly text: string } | undefined
  #requests = 0
  /** Bytes of answers that are not complete yet. */
  #held = 0

  /** @throws Error for a URL that is none */
  constructor(address: ConsulAddress) {
    const { url } = address
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new Error(`${url} is no address of a Consul: write http://HOST:PORT or https://HOST:PORT`)
    this.#base = new URL(url)
    this.url = this.#base.origin
    this.#address = address
  }

  /** Calls made so far. */
  get requests(): number {
    return this.#requests
  }

  close(): void {
    this.#agent?.destroy()
  }

  /** @returns answers of any status, 404 and 500 too. @throws ConsulError when there is no complete answer in time */
  send(call: ConsulRequest): Promise<ConsulAnswer> {
    const { method = 'GET', path, query = {}, body, timeoutMs = TIMEOUT_MS, late, signal, maxBytes = MOST_BYTES } = call
    const search = Object.entries(query)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => (value === '' ? name : `${name}=${encodeURIComponent(value!)}`))
      .join('&')
    const shown = `${method} ${path}`
    this.#requests++
    return new Promise((resolve, reject) => {
      let request: ReturnType<typeof httpRequest> | undefined
      let stage: Stage = isIP(this.#base.hostname.replace(/^\[|\]$/g, '')) ? 'connection' : 'name'
      const over = () => {
        clearTimeout(timer)
        clearTimeout(lateTimer)
        signal?.removeEventListener('abort', aborted)
      }
      const fail = (message: string, cause?: unknown, isLate = false) => {
        over()
        request?.destroy()
        reject(new ConsulError(`${this.url}: ${shown}: ${message}`, undefined, cause ? { cause } : { isLate }))
      }
      const aborted = () => fail('given up')
      const timer = setTimeout(() => fail(waiting(stage, timeoutMs), undefined, true), timeoutMs)
      const lateTimer = late && setTimeout(() => late.tell(waiting(stage, late.afterMs)), late.afterMs)
      signal?.addEventListener('abort', aborted, { once: true })
      if (signal?.aborted) return aborted()
      try {
        const secure = this.#base.protocol === 'https:'
        request = (secure ? httpsRequest : httpRequest)(this.#base, {
          method,
          path: this.#base.pathname.replace(/\/$/, '') + path + (search && `?${search}`),
          agent: this.#agentNow(),
          headers: {
            ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
            ...this.#tokenHeader(),
          },
        })
      } catch (error) {
        return fail(errorText(error), error)
      }
      request.on('error', (error) => fail(reasonOf(error), error))
      request.on('socket', (socket) =>
        followStage(socket, (now) => {
          stage = now
        }),
      )
      request.on('response', (response) => {
        this.#readBody(response, maxBytes).then(
          (bytes) => {
            over()
            const index = Number(response.headers['x-consul-index'] ?? 0)
            resolve({
              status: response.statusCode ?? 0,
              index: Number.isSafeInteger(index) && index > 0 ? index : 0,
              body: bytes,
            })
          },
          (error: Error) => fail(error.message, error),
        )
      })
      request.end(body)
    })
  }

  /** The parsed body of an answer of status 200; undefined for 404. @throws ConsulError for every other answer */
  async json(call: ConsulRequest): Promise<{ readonly value: unknown; readonly index: number }> {
    const answer = await this.send(call)
    if (answer.status === 404) return { value: undefined, index: answer.index }
    if (answer.status !== 200) throw this.refused(call, answer)
    return { value: this.parse(call, answer), index: answer.index }
  }

  /** @throws ConsulError when it is no JSON */
  parse({ path }: Pick<ConsulRequest, 'path'>, { body, status }: ConsulAnswer): unknown {
    try {
      return JSON.parse(body.toString('utf8'))
    } catch (error) {
      throw new ConsulError(`${this.url}: ${path}: the answer is no JSON`, status, { cause: error })
    }
  }

  /** The error of an answer that is not as asked for, with what to do about it where that is known. */
  refused({ method = 'GET', path }: ConsulRequest, { status, body }: ConsulAnswer): ConsulError {
    const text = body.toString('utf8', 0, 300).trim()
    const hint =
      status === 403
        ? ' (the ACL token may not do this, or there is none: see --consul-token-file)'
        : status === 429
          ? ' (too many connections: raise limits.http_max_conns_per_client of the agent)'
          : ''
    return new ConsulError(`${this.url}: ${method} ${path}: status ${status} ${text}${hint}`, status)
  }

  #readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let size = 0
    return new Promise<Buffer>((resolve, reject) => {
      const refuse = (message: string) => {
        reject(new Error(message))
        response.destroy()
      }
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        this.#held += chunk.length
        chunks.push(chunk)
        if (size > maxBytes) refuse(`the answer is larger than ${maxBytes} bytes`)
        else if (this.#held > MOST_HELD_BYTES)
          refuse(`the answers that are being read are larger than ${MOST_HELD_BYTES} bytes together`)
      })
      response.on('end', () =>
        response.complete ? resolve(Buffer.concat(chunks)) : reject(new Error('the answer ended in the middle')),
      )
      response.on('aborted', () => reject(new Error('the answer ended in the middle')))
      response.on('error', (error) => reject(error))
      response.on('close', () => reject(new Error('the answer ended in the middle')))
    }).finally(() => {
      this.#held -= size
      chunks.length = 0
    })
  }

  #tokenHeader(): Record<string, string> {
    const { tokenFile } = this.#address
    if (!tokenFile) return {}
    const { mtimeMs, size, ino } = statSync(tokenFile)
    const version = `${mtimeMs} ${size} ${ino}`
    if (this.#token?.version !== version)
      this.#token = { version, text: readFileSync(tokenFile, 'utf8').split(/\r?\n/, 1)[0]!.trim() }
    return { 'x-consul-token': this.#token.text }
  }

  #agentNow(): HttpAgent | HttpsAgent {
    const { ca, cert, key } = this.#address
    const files = [ca, cert, key].filter((file): file is string => file !== undefined)
    const version = files.map((file) => `${file} ${statSync(file).mtimeMs}`).join(' ')
    if (this.#agent && this.#agentOf === version) return this.#agent
    // Calls under way keep their connections; new ones show the new certificate.
    const options = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 64 }
    this.#agentOf = version
    this.#agent =
      this.#base.protocol === 'https:'
        ? new HttpsAgent({
            ...options,
            ...(ca ? { ca: readFileSync(ca) } : {}),
            ...(cert ? { cert: readFileSync(cert) } : {}),
            ...(key ? { key: readFileSync(key) } : {}),
          })
        : new HttpAgent(options)
    return this.#agent
  }
}

/** What a call waits for. */
type Stage = 'name' | 'connection' | 'answer'

function followStage(socket: Socket, set: (stage: Stage) => void): void {
  if (!socket.connecting) set('answer')
  else socket.once('lookup', () => set('connection')).once('connect', () => set('answer'))
}

function waiting(stage: Stage, ms: number): string {
  const why = {
    name: ', its name is still being looked up: DNS does not answer',
    connection: ', nor a connection',
    answer: '',
  }
  return `no answer within ${ms} ms${why[stage]}`
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'nobody listens there'
  if (error.code === 'ECONNRESET') return 'the connection was reset'
  if (error.code === 'ENOENT') return `${error.path ?? 'a file'} of its token or certificates is not there`
  if (error.code === 'ENOTFOUND') return 'there is no host of that name'
  if (error.code === 'EAI_AGAIN') return 'its name cannot be looked up: DNS fails'
  if (error.message.includes('wrong version number'))
    return 'it does not speak TLS there: write http://, or the port of its HTTPS'
  // Some of TLS come with a line break at their end.
  if (error.message.includes('\n')) return error.message.trim().replaceAll(/\s*\n\s*/g, ' ')
  return error.message || (error.code ?? 'failed')
}
