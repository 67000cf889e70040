import type { Command } from 'commander'
import type { ConsulAddress } from '../../controlplane/consul/index.ts'
import { UsageError } from '../errors.ts'

export interface ConsulFlags {
  readonly consulTokenFile?: string
  readonly consulCa?: string
  readonly consulCert?: string
  readonly consulKey?: string
}

/** Adds the options that say how a Consul is spoken to. */
export function withConsulAddress(command: Command): Command {
  return command
    .option('--consul-token-file <file>', 'file with the ACL token on its first line')
    .option('--consul-ca <file>', "CA of the agent's certificate")
    .option('--consul-cert <file>', 'certificate to show to the agent')
    .option('--consul-key <file>', 'its private key')
}

/** The options as calls want them. @throws UsageError */
export function consulAddress(flags: ConsulFlags): Omit<ConsulAddress, 'url'> {
  const { consulTokenFile: tokenFile, consulCa: ca, consulCert: cert, consulKey: key } = flags
  if (Boolean(cert) !== Boolean(key)) throw new UsageError('--consul-cert and --consul-key go together')
  return { ...(tokenFile ? { tokenFile } : {}), ...(ca ? { ca } : {}), ...(cert ? { cert, key } : {}) }
}
