import type { MessageInitShape } from '@bufbuild/protobuf'
import type { AccessLogSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts'
import { FileAccessLogSchema } from '../../../proto/gen/envoy/extensions/access_loggers/file/v3/file_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { Scope } from '../../model/index.ts'
import type { MeshSettings } from '../../model/settings.ts'
import { accessReport } from './access-report.ts'

/** What a connection manager or TCP proxy logs: to the file of the mesh, and to the control plane, when the mesh says so. */
export function accessLogs(
  { settings, proxy }: Pick<Scope, 'settings' | 'proxy'>,
  kind: 'http' | 'tcp',
  direction: 'inbound' | 'outbound',
): MessageInitShape<typeof AccessLogSchema>[] {
  const file = fileLog(settings())
  if (direction === 'inbound') return file
  if (settings().trafficReports) return [...file, accessReport(kind)]
  // The way back when a cluster that comes on demand did not: it is sent as soon as a request failed without it.
  return proxy.reports ? [...file, accessReport(kind, 'missing-cluster')] : file
}

function fileLog(settings: MeshSettings): MessageInitShape<typeof AccessLogSchema>[] {
  const log = settings.accessLog
  if (!log) return []
  const config = pack(FileAccessLogSchema, {
    path: log.path,
    ...(log.format && {
      accessLogFormat: {
        case: 'logFormat',
        value: {
          format: {
            case: 'textFormatSource',
            value: { specifier: { case: 'inlineString', value: ensureNewline(log.format) } },
          },
        },
      },
    }),
  })
  return [{ name: 'envoy.access_loggers.file', configType: { case: 'typedConfig', value: config } }]
}

function ensureNewline(format: string): string {
  return format.endsWith('\n') ? format : `${format}\n`
}
