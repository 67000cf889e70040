import type { IssuePath } from '../schema.ts'
import { isIpAddress } from '../syntax/address.ts'
import { shown } from '../syntax/host.ts'
import { readDuration } from './scalar.ts'
import { type WrittenMessage, written, writtenList, writtenMessage } from './written.ts'

type Add = (path: IssuePath, message: string) => void

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
const TRANSPORT = 'type.googleapis.com/envoy.extensions.transport_sockets.'
/** Transport sockets that cannot agree on a protocol by ALPN. */
const WITHOUT_ALPN = [undefined, `${TRANSPORT}raw_buffer.v3.RawBuffer`]
const OVER_TCP = [...WITHOUT_ALPN, `${TRANSPORT}tls.v3.UpstreamTlsContext`]

/** That the transport socket of a cluster can do what its HTTP options need, and that those stand under their name. */
export function checkHttpOptions(cluster: WrittenMessage, add: Add): void {
  const [optionsKey, all] = writtenMessage(cluster, 'typed_extension_protocol_options')
  const url = `type.googleapis.com/${HTTP_OPTIONS}`
  for (const [name, config] of Object.entries(all)) {
    const type = typeof config === 'object' && config !== null ? (config as WrittenMessage)['@type'] : undefined
    if (type === url && name !== HTTP_OPTIONS)
      add([optionsKey, name], `Envoy looks for these options under ${HTTP_OPTIONS} only`)
    if (name === HTTP_OPTIONS && typeof type === 'string' && type !== url)
      add([optionsKey, name, '@type'], `the options under this name are a ${HTTP_OPTIONS}`)
  }
  const [, options] = writtenMessage(all, HTTP_OPTIONS)
  const [, socket] = writtenMessage(cluster, 'transport_socket')
  const socketType = writtenMessage(socket, 'typed_config')[1]['@type'] as string | undefined
  const [autoKey, auto] = written(options, 'auto_config')
  if (auto !== undefined && WITHOUT_ALPN.includes(socketType))
    add(
      [optionsKey, HTTP_OPTIONS, autoKey],
      'auto_config needs a transport_socket with TLS, whose ALPN tells the protocol',
    )
  for (const name of ['explicit_http_config', 'use_downstream_protocol_config']) {
    const [key, one] = writtenMessage(options, name)
    const [http3Key, http3] = written(one, 'http3_protocol_options')
    if (http3 !== undefined && OVER_TCP.includes(socketType))
      add([optionsKey, HTTP_OPTIONS, key, http3Key], 'HTTP/3 needs a transport_socket for QUIC')
  }
}

/** That times of a cluster fit together, and that it has one health check at most. */
export function checkUpstreamTimes(cluster: WrittenMessage, add: Add): void {
  const [checksKey, checks] = writtenList(cluster, 'health_checks')
  if (checks.length > 1) add([checksKey, 1], 'Envoy takes one health check for a cluster')
  const [outlierKey, outlier] = writtenMessage(cluster, 'outlier_detection')
  less(outlier, 'base_ejection_time', 'max_ejection_time', (path, text) => add([outlierKey, ...path], text))
  const [dnsKey, dns] = writtenMessage(cluster, 'dns_failure_refresh_rate')
  less(dns, 'base_interval', 'max_interval', (path, text) => add([dnsKey, ...path], text))
}

/** That the longer of two times is not the shorter one; a time that is left out or cannot be read says nothing. */
function less(message: WrittenMessage, lower: string, upper: string, add: Add): void {
  const [low, [key, high]] = [written(message, lower)[1], written(message, upper)]
  const [from, to] = [readDuration(low), readDuration(high)]
  if ('value' in from && 'value' in to && (to.value as bigint) < (from.value as bigint))
    add([key], `${upper} (${high}) is less than ${lower} (${low})`)
}

/** Statuses of a health check are ranges without their end. */
export function checkHttpHealth(check: WrittenMessage, add: Add): void {
  for (const name of ['expected_statuses', 'retriable_statuses']) {
    const [key, ranges] = writtenList(check, name)
    for (const [index, { start = 0, end = 0 }] of ranges.entries())
      if (Number(start) >= Number(end))
        add([key, index], `the range of statuses ends before ${end}, so that start (${start}) must be less`)
  }
}

/** Bytes that a health check sends or expects are written as hexadecimal digits. */
export function checkHealthPayload(payload: WrittenMessage, add: Add): void {
  const { text } = payload
  if (typeof text === 'string' && !/^(?:[\da-f]{2})*$/i.test(text))
    add(['text'], `${shown(text)} are no bytes in hexadecimal digits`)
}

/** A proxy calls from an address, not from a name. */
export function checkBind(config: WrittenMessage, add: Add): void {
  const [key, { address }] = writtenMessage(config, 'source_address')
  if (typeof address === 'string' && address !== '' && !isIpAddress(address))
    add([key, 'address'], `${shown(address)} is no IP address`)
}

/** Longest path of a Unix domain socket: Linux has 108 bytes for it, one of which ends it. */
const MAX_PATH = 107

/** A Unix domain socket, whose path the system limits. */
export function checkPipe({ path }: WrittenMessage, add: Add): void {
  if (typeof path === 'string' && Buffer.byteLength(path) > MAX_PATH)
    add(['path'], `the path of a Unix domain socket has at most ${MAX_PATH} bytes`)
}

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }

/** Envoy drops by one category, and at most all requests. */
export function checkDrops(policy: WrittenMessage, add: Add): void {
  const [key, drops] = writtenList(policy, 'drop_overloads')
  if (drops.length > 1) add([key, 1], 'Envoy takes one category of drop_overloads')
  for (const [index, drop] of drops.entries()) {
    const [shareKey, share] = writtenMessage(drop, 'drop_percentage')
    const of = share['denominator'] ?? 'HUNDRED'
    const whole = typeof of === 'number' ? Object.values(DENOMINATORS)[of] : DENOMINATORS[String(of)]
    if (whole !== undefined && Number(share['numerator']) > whole)
      add([key, index, shareKey], `more than all requests cannot be dropped (${share['numerator']} of ${whole})`)
  }
}
