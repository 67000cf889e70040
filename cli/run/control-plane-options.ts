import { isLoopback } from '../../controlplane/ads/loopback.ts'
import { type HostPort, hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import type { ConsulSettings } from '../../controlplane/consul/index.ts'
import { UsageError } from '../errors.ts'

/** Names of PEM files a server reads. */
export interface ServerTls {
  readonly cert: string
  readonly key: string
  /** Who connects must show a certificate of this CA. */
  readonly clientCa?: string | undefined
}

/** What a control plane is started with. */
export interface ControlPlaneOptions {
  /** Of configuration, or `consul:URL/PREFIX`. */
  readonly folder: string
  /** Where xDS and the HTTP API are served; port 0 takes any that is free. */
  readonly xds: HostPort
  readonly api: HostPort
  readonly xdsTls?: ServerTls | undefined
  readonly apiTls?: ServerTls | undefined
  /** Host names the API answers to besides addresses and localhost. */
  readonly apiNames?: readonly string[]
  /** Listen without TLS on addresses that are not loopback. */
  readonly insecure: boolean
  /** Consul whose services join the mesh; the Mesh document may name one too. */
  readonly consul?: Partial<ConsulSettings> | undefined
  /** Where what must outlive a restart is kept; `.meshgate` in the folder if not given. */
  readonly stateDir?: string | undefined
  /** URL of a Redis that is shared with other replicas: rate limits are counted there. */
  readonly redis?: string | undefined
  /** Streams of proxies at a time; the server's own default if not given. */
  readonly maxStreams?: number | undefined
  /** At which streams are ended in peace, ms; the server's own default if not given. */
  readonly streamAgeMs?: number | undefined
  /** Time over which streams are ended when stopping, ms. */
  readonly drainMs: number
}

/**
 * Refuses addresses that everybody could read the configuration from, before anything listens.
 * @throws UsageError that names the address and the options that help
 */
export function refuseOpen({ xds, xdsTls, api, apiTls, insecure }: ControlPlaneOptions): void {
  const servers = [
    { what: 'xDS', option: 'xds', address: xds, tls: xdsTls },
    { what: 'the API', option: 'api', address: api, tls: apiTls },
  ] as const
  for (const { what, option, address, tls } of servers)
    if (!tls && !insecure && !isLoopback(address.host))
      throw new UsageError(
        `${what} on ${hostAndPort(address)} would tell the whole configuration to everybody who can reach it: give ` +
          `--${option}-cert and --${option}-key (and --${option}-client-ca), listen on 127.0.0.1, or say --insecure if the ` +
          'network itself is trusted',
      )
}
