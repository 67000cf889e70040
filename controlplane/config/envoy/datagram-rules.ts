import type { IssuePath } from '../schema.ts'
import { type WrittenMessage, written, writtenList, writtenMessage } from './written.ts'

type Add = (path: IssuePath, message: string) => void

const TYPE = 'type.googleapis.com/envoy.extensions'
const MANAGER = `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`
const QUIC = `${TYPE}.transport_sockets.quic.v3.QuicDownstreamTransport`
const HTTP3 = ['HTTP3', 3] as const

/** Whether the listener is on UDP, and whether it has connections there, by QUIC. */
export function datagrams(listener: WrittenMessage): { readonly udp: boolean; readonly quic: boolean } {
  const [, socket] = writtenMessage(writtenMessage(listener, 'address')[1], 'socket_address')
  return {
    udp: ['UDP', 1].includes(written(socket, 'protocol')[1] as string | number),
    quic: written(writtenMessage(listener, 'udp_listener_config')[1], 'quic_options')[1] !== undefined,
  }
}

/**
 * What Envoy demands of listeners for HTTP/3, which have connections although they are on UDP, and of the others on UDP, which have none
 * and so no filter chains.
 */
export function checkDatagrams(listener: WrittenMessage, add: Add): void {
  const { udp, quic } = datagrams(listener)
  const found = filterChains(listener)
  if (udp && !quic && found.length > 0)
    add(found[0]!.path, 'a listener on UDP has filter chains only with quic_options in its udp_listener_config')
  else for (const { path, chain } of found) checkChain(path, chain, quic, add)
}

function checkChain(path: IssuePath, chain: WrittenMessage, quic: boolean, add: Add): void {
  const [filtersKey, filters] = writtenList(chain, 'filters')
  for (const [index, filter] of filters.entries()) {
    const [configKey, manager] = writtenMessage(filter, 'typed_config')
    if (manager['@type'] !== MANAGER) continue
    const [codecKey, codec] = written(manager, 'codec_type')
    if (HTTP3.includes(codec as never) !== quic)
      add(
        [...path, filtersKey, index, configKey, codecKey],
        quic
          ? 'a listener for HTTP/3 needs codec_type HTTP3'
          : 'codec_type HTTP3 needs a listener on UDP with quic_options',
      )
  }
  if (!quic) return
  const [socketKey, socket] = writtenMessage(chain, 'transport_socket')
  if (writtenMessage(socket, 'typed_config')[1]['@type'] !== QUIC)
    add([...path, socketKey], 'a filter chain for HTTP/3 needs a transport socket of type QuicDownstreamTransport')
  if (writtenMessage(filters.at(-1) ?? {}, 'typed_config')[1]['@type'] !== MANAGER)
    add([...path, filtersKey], 'a filter chain for HTTP/3 must end with an HTTP connection manager')
}

function filterChains(
  listener: WrittenMessage,
): readonly { readonly path: IssuePath; readonly chain: WrittenMessage }[] {
  const [key, chains] = writtenList(listener, 'filter_chains')
  const [defaultKey, last] = writtenMessage(listener, 'default_filter_chain')
  return [
    ...chains.map((chain, index) => ({ path: [key, index], chain })),
    ...(listener[defaultKey] === undefined ? [] : [{ path: [defaultKey], chain: last }]),
  ]
}
