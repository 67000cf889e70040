import { Command } from 'commander'
import type { IdentityFiles } from '../../controlplane/bootstrap/grpc.ts'
import { required, UsageError } from '../errors.ts'
import { oneOf, port } from '../options/arguments.ts'
import { withNodeOptions, withXdsTlsOptions, type XdsClientOptions, xdsTlsFiles } from '../options/xds-client.ts'
import { outputFormat, printData } from '../output.ts'

interface Options extends XdsClientOptions {
  readonly mode: 'delta' | 'sotw'
  readonly adminPort?: number
  readonly grpc?: boolean
  readonly workloadCert?: string
  readonly workloadKey?: string
  readonly workloadCa?: string
  readonly loadReports: boolean
  readonly deferredStats?: boolean
  readonly output?: string
}

/** `meshgate bootstrap`: prints what an Envoy or a gRPC client starts with; asks nobody. */
export function bootstrapCommand(): Command {
  const command = new Command('bootstrap')
    .summary('print the bootstrap of an Envoy or of a gRPC client')
    .description(
      'Prints what an Envoy needs to start (YAML), or with --grpc the file GRPC_XDS_BOOTSTRAP names (JSON).\n' +
        'The node needs no registration: whoever connects is served what its id, namespace and labels allow.',
    )
  withNodeOptions(command, 'sidecar~10.0.0.1~shop-1.default~default.svc.cluster.local')
    .option('--mode <mode>', 'delta or sotw (state of the world)', oneOf(['delta', 'sotw']), 'delta')
    .option('--admin-port <port>', "Envoy's admin interface on 127.0.0.1; 0 takes a free port", port)
    .option('--no-load-reports', 'do not report the number of requests of each cluster to the control plane')
    .option(
      '--deferred-stats',
      "make a cluster's traffic statistics with its first request: for proxies that hold many clusters they do not use",
    )
    .option('--grpc', 'a bootstrap for gRPC libraries instead')
    .option('--workload-cert <file>', 'with --grpc: the certificate that ISTIO_MUTUAL shows to services')
    .option('--workload-key <file>', 'its private key')
    .option('--workload-ca <file>', 'the CAs that certificates of services are signed by')
  return withXdsTlsOptions(command)
    .option('-o, --output <format>', 'yaml or json (default: yaml, with --grpc json)')
    .addHelpText(
      'after',
      `
Examples:
  meshgate bootstrap --node sidecar~10.0.0.1~shop.default~default.svc.cluster.local > envoy.yaml
  envoy -c envoy.yaml
  meshgate bootstrap --grpc --node shop-client > grpc.json && GRPC_XDS_BOOTSTRAP=grpc.json ./client`,
    )
    .action(async (options: Options) => {
      const format = outputFormat(options.output ?? (options.grpc ? 'json' : 'yaml'), ['yaml', 'json'])
      const id = required(options.node, '--node', 'sidecar~10.0.0.1~shop.default~default.svc.cluster.local')
      const { cluster, metadata, locality, xds, mode, adminPort, loadReports, deferredStats } = options
      const node = { id, cluster, metadata, locality }
      const tls = xdsTlsFiles(options)
      const identity = identityFiles(options)
      if (options.grpc) {
        if (options.adminPort !== undefined) throw new UsageError('--admin-port has no meaning with --grpc')
        if (!loadReports) throw new UsageError('--no-load-reports has no meaning with --grpc')
        if (deferredStats) throw new UsageError('--deferred-stats has no meaning with --grpc')
        const { grpcBootstrap } = await import('../../controlplane/bootstrap/grpc.ts')
        await printData(grpcBootstrap({ node, xds, tls, identity }), format)
      } else {
        if (identity)
          throw new UsageError(
            '--workload-cert, --workload-key and --workload-ca have no meaning without --grpc: Envoys are told of such files by spec.workloadCertificates of the Mesh',
          )
        const { envoyBootstrap } = await import('../../controlplane/bootstrap/envoy.ts')
        await printData(envoyBootstrap({ node, xds, mode, adminPort, tls, loadReports, deferredStats }), format)
      }
    })
}

/** @throws UsageError when some of the files are missing */
function identityFiles({ workloadCert, workloadKey, workloadCa }: Options): IdentityFiles | undefined {
  if (!workloadCert && !workloadKey && !workloadCa) return undefined
  if (!workloadCert || !workloadKey || !workloadCa)
    throw new UsageError('--workload-cert, --workload-key and --workload-ca go together')
  return { cert: workloadCert, key: workloadKey, ca: workloadCa }
}
