import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { SocketAddress } from '../configuration.ts'
import type { Intake } from '../framing/intake.ts'
import { contextParameters, serverProblem, trusted } from '../peer-certificate.ts'
import type { ClientTls } from '../tls-settings.ts'

/**
 * Opens a connection that is read by `intake`; errors come as events of the socket. `preface` goes out in clear before anything else; `name` is
 * what the address was found by.
 */
export function dial(
  address: SocketAddress,
  intake: Intake,
  options: {
    readonly tls?: ClientTls
    readonly keepaliveMs?: number
    readonly preface?: Uint8Array
    readonly name?: string
  },
  ready: () => void,
): Socket {
  const keepAlive = options.keepaliveMs ? { keepAlive: true, keepAliveInitialDelay: options.keepaliveMs } : {}
  const target = 'path' in address ? { path: address.path } : { host: address.host, port: address.port }
  const { tls, preface } = options
  const raw = connectTcp({ ...target, noDelay: true, ...keepAlive, ...(!tls && { onread: intake }) })
  if (!tls) {
    raw.once('connect', () => {
      if (preface) raw.write(preface)
      ready()
    })
    return raw
  }
  if (preface) raw.once('connect', () => raw.write(preface))
  const written = options.name ?? ('host' in address && !isIP(address.host) ? address.host : undefined)
  const serverName = tls.serverName ?? written
  const socket = connectTls({
    socket: raw,
    ...(serverName && { servername: serverName }),
    ...trusted(tls),
    ...contextParameters(tls),
    ...(tls.certificate !== undefined && { cert: tls.certificate }),
    ...(tls.privateKey !== undefined && { key: tls.privateKey }),
    ...(tls.alpn && { ALPNProtocols: [...tls.alpn] }),
    rejectUnauthorized: !tls.insecure,
    checkServerIdentity: (host, certificate) =>
      serverProblem(tls, serverName === undefined ? undefined : host, certificate),
  })
  // The raw socket's failures reach the TLS socket as well; without a listener they would end the process.
  raw.on('error', (error) => socket.destroy(error))
  socket.once('secureConnect', ready)
  intake.follow(socket)
  return socket
}
