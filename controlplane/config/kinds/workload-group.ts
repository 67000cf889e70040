import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, required, valid } from '../schema.ts'
import { labelProblems } from '../syntax/label.ts'
import { port, stringMap, text } from '../syntax/values.ts'
import { workloadTemplate } from './workload-entry.ts'

const count = z.number().int().min(0).max(2_147_483_647).meta({ format: 'int32' })

const readinessProbeFields = message(
  {
    initialDelaySeconds: optional(count, 'Time before the first probe, in seconds.'),
    timeoutSeconds: optional(count, 'Time a probe may take, in seconds.', { default: '1' }),
    periodSeconds: optional(count, 'Time between probes, in seconds.', { default: '10' }),
    successThreshold: optional(count, 'Successes in a row that make the workload ready.', { default: '1' }),
    failureThreshold: optional(count, 'Failures in a row that make it not ready.', { default: '3' }),
    httpGet: optional(
      message({
        path: optional(text, 'Path to get.'),
        port: required(port, 'Port to connect to.'),
        host: optional(text, 'Host to connect to.', { default: 'the workload' }),
        scheme: optional(
          valid(text, (value) =>
            ['', 'HTTP', 'HTTPS'].includes(value) ? undefined : 'scheme must be one of [HTTP, HTTPS]',
          ),
          'HTTP or HTTPS.',
          { default: 'HTTP' },
        ),
        httpHeaders: optional(
          z.array(
            message({
              name: optional(text.regex(/^[-_A-Za-z0-9]+$/), 'Name of the header.'),
              value: optional(text, 'Value of the header.'),
            }),
          ),
          'Headers to send.',
        ),
      }),
      'Ready when a GET answers with 2xx or 3xx.',
    ),
    tcpSocket: optional(
      message({ host: optional(text, 'Host to connect to.'), port: required(port, 'Port to connect to.') }),
      'Ready when the port accepts.',
    ),
    exec: optional(
      message({ command: required(z.array(text.min(1)), 'Command and arguments.') }),
      'Ready when the command exits with 0.',
    ),
    grpc: optional(
      message({ port: optional(port, 'Port to connect to.'), service: optional(text, 'Service to ask about.') }),
      'Ready when the gRPC health service says so.',
    ),
  },
  [['httpGet', 'tcpSocket', 'exec', 'grpc']],
)
const readinessProbe = checked(readinessProbeFields, (probe, report) => {
  if (!probe.httpGet && !probe.tcpSocket && !probe.exec && !probe.grpc)
    report([], 'a probe needs one of httpGet, tcpSocket, exec and grpc', { code: 'FIELD_REQUIRED' })
  if (probe.exec?.command.length === 0)
    report(['exec', 'command'], 'command must not be empty', { code: 'FIELD_REQUIRED' })
  for (const [index, { name }] of (probe.httpGet?.httpHeaders ?? []).entries())
    if (!name) report(['httpGet', 'httpHeaders', index, 'name'], 'name is required', { code: 'FIELD_REQUIRED' })
})

const workloadGroupFields = message({
  metadata: optional(
    message({ labels: optional(stringMap, 'Labels.'), annotations: optional(stringMap, 'Annotations.') }),
    'Metadata of the WorkloadEntries made of the template.',
  ),
  template: required(workloadTemplate, 'Template of WorkloadEntries.'),
  probe: optional(readinessProbe, 'When a workload is ready.'),
})
const workloadGroupSpec = checked(workloadGroupFields, ({ metadata }, report) => {
  for (const field of ['labels', 'annotations'] as const)
    if (Object.keys(metadata?.[field] ?? {}).length > 256)
      report(['metadata', field], 'at most 256 entries are allowed')
  for (const { key, message: text } of labelProblems(metadata?.labels ?? {})) report(['metadata', 'labels', key], text)
})
export type WorkloadGroupSpec = z.infer<typeof workloadGroupFields>

export const workloadGroup: KindDefinition<WorkloadGroupSpec> = {
  kind: 'WorkloadGroup',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'Template of WorkloadEntries that register themselves.',
  compiled: false,
  instead: 'nothing registers itself: write a WorkloadEntry for each workload, or use Consul',
  specRequired: true,
  schema: workloadGroupSpec,
}
