import type { Command } from 'commander'
import type { ClientTlsFiles } from '../../controlplane/bootstrap/envoy.ts'
import type { HostPort } from '../../controlplane/bootstrap/host-port.ts'
import { UsageError } from '../errors.ts'
import { addressesOption, jsonObject, locality, nodeId } from './arguments.ts'

/** What a client of xDS has to know: who it is, where the control plane is, and how TLS is spoken to it. */
export interface XdsClientOptions {
  readonly node?: string
  readonly cluster?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly locality?: ReturnType<typeof locality>
  readonly xds: readonly HostPort[]
  readonly xdsCa?: string
  readonly xdsCert?: string
  readonly xdsKey?: string
  readonly xdsServerName?: string
}

/** Adds the options that say who a client is. `example` is a node id of its kind. */
export function withNodeOptions(command: Command, example: string): Command {
  return command
    .option('--node <id>', `node id (required), such as ${example}`, nodeId)
    .option('--cluster <name>', 'node cluster (default: the workload in the id)')
    .option(
      '--metadata <json>',
      'node metadata, such as \'{"NAMESPACE":"default","LABELS":{"app":"shop"}}\'',
      jsonObject,
    )
    .option('--locality <r/z/s>', 'region/zone/subzone of the node', locality)
    .addOption(
      addressesOption('--xds', 'where the control plane serves xDS; of several control planes, several times', 18000),
    )
}

/** Adds the options of TLS to the control plane. */
export function withXdsTlsOptions(command: Command): Command {
  return command
    .option('--xds-ca <file>', "CA of the control plane's certificate; turns TLS on")
    .option('--xds-cert <file>', "the proxy's certificate; turns TLS on")
    .option('--xds-key <file>', 'its private key')
    .option('--xds-server-name <name>', "name in the control plane's certificate (default: the host of --xds)")
}

/** The files of TLS to the control plane; undefined: without TLS. @throws UsageError when they do not fit together */
export function xdsTlsFiles({ xdsCa, xdsCert, xdsKey, xdsServerName }: XdsClientOptions): ClientTlsFiles | undefined {
  if (Boolean(xdsCert) !== Boolean(xdsKey)) throw new UsageError('--xds-cert and --xds-key go together')
  if (!xdsCa && !xdsCert) {
    if (xdsServerName) throw new UsageError('--xds-server-name needs --xds-ca')
    return undefined
  }
  return { ca: xdsCa, cert: xdsCert, key: xdsKey, serverName: xdsServerName }
}
