import { isIP, isIPv4 } from 'node:net'

/** What a gRPC client says its server is called, and what the server's certificate must be for. */
export interface ChannelName {
  /** Options of the channel. */
  readonly options: { readonly 'grpc.ssl_target_name_override'?: string }
  /** A host name or an address. */
  readonly verified: string
}

/**
 * The name of the server at `host`, a name or an address without a port; `serverName` is what the user says it is called instead. TLS has no server
 * names that are addresses, and from Node 26 on none can be asked for, while @grpc/grpc-js asks for whatever it connects to. An address is asked for
 * by the name of its reverse mapping, as in RFC 8738, and the certificate is still held against the address itself.
 * @see https://www.rfc-editor.org/rfc/rfc6066#section-3 https://www.rfc-editor.org/rfc/rfc8738#section-6
 */
export function channelName(host: string, serverName?: string): ChannelName {
  if (serverName) return { options: { 'grpc.ssl_target_name_override': serverName }, verified: serverName }
  if (isIP(host) === 0) return { options: {}, verified: host }
  return { options: { 'grpc.ssl_target_name_override': reverseName(host) }, verified: host }
}

/** `127.0.0.1` is `1.0.0.127.in-addr.arpa`; an IPv6 address its 32 digits from the last to the first and `ip6.arpa`. */
export function reverseName(address: string): string {
  if (isIPv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`
  const [start, end] = groups(address)
  const digits = [...start, ...new Array<string>(8 - start.length - end.length).fill('0'), ...end]
    .map((group) => group.padStart(4, '0'))
    .join('')
  return `${[...digits].reverse().join('.')}.ip6.arpa`
}

/** The groups of an IPv6 address before and after its `::`; a URL writes an IPv4 part in groups too, and has no zones. */
function groups(address: string): [readonly string[], readonly string[]] {
  const { hostname } = new URL(`http://[${address.replace(/%.*/, '')}]`)
  const [start = '', end = ''] = hostname.slice(1, -1).split('::')
  const parts = (text: string) => (text === '' ? [] : text.split(':'))
  return [parts(start), parts(end)]
}
