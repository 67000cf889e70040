import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Probe } from './draw.ts'
import type { Identities } from './identities.ts'

/** What came of a connection; nothing in it: it was closed. */
export interface Outcome {
  /** What it reached. */
  readonly to?: string
  /** Set when TLS ended at the gateway: the certificate it showed, and what was agreed on. */
  readonly shown?: string
  readonly alpn?: string
  readonly version?: string
}

/** Opens a connection as a caller would, and waits until it has reached something or is closed. */
export function probe(port: number, { sni, alpn = [], certificate }: Probe, who: Identities): Promise<Outcome> {
  return new Promise((resolve) => {
    const raw = connect(port, '127.0.0.1')
    const done = (outcome: Outcome) => {
      raw.destroy()
      resolve(outcome)
    }
    raw.on('error', () => done({}))
    raw.on('close', () => done({}))
    if (sni === undefined) {
      raw.write('hello')
      raw.on(
        'data',
        lines((to) => done({ to })),
      )
      return
    }
    const wire = new Duplex({
      read() {},
      write: (chunk, _encoding, after) => {
        raw.write(chunk)
        after()
      },
    })
    const plain = lines((to) => done({ to }))
    raw.on('data', (chunk: Buffer) => {
      // What is passed through answers with its text, a gateway that ends TLS with records of a handshake or an alert.
      if (chunk[0] === HANDSHAKE || chunk[0] === ALERT || ended) {
        ended = true
        wire.push(chunk)
      } else plain(chunk)
    })
    let ended = false
    const tls = connectTls({
      socket: wire,
      servername: sni,
      rejectUnauthorized: false,
      ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
      ...(certificate && { cert: who[certificate].cert, key: who[certificate].key }),
    })
    tls.on('error', () => done({}))
    tls.on(
      'data',
      lines((to) => {
        const agreed = tls.alpnProtocol ? { alpn: tls.alpnProtocol } : {}
        const shown = String(tls.getPeerCertificate().subject?.CN ?? '')
        done({ to, shown, version: tls.getProtocol() ?? '', ...agreed })
      }),
    )
  })
}

const ALERT = 0x15
const HANDSHAKE = 0x16

/** Calls back with the first line. */
function lines(told: (line: string) => void): (chunk: Buffer) => void {
  let text = ''
  return (chunk) => {
    text += chunk.toString('latin1')
    const end = text.indexOf('\n')
    if (end >= 0) told(text.slice(0, end))
  }
}
