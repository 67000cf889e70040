import { Registry } from 'prom-client'
import { certificateMetrics } from '../../cli/run/certificate-metrics.ts'
import { createMetrics, sourceMetrics } from '../../controlplane/admin/metrics.ts'
import { adsMetrics } from '../../controlplane/ads/metrics.ts'
import { onDemandMetrics } from '../../controlplane/ondemand/metrics.ts'
import { rateLimitMetrics, timedStore } from '../../controlplane/ratelimit/metrics.ts'
import { accessMetrics, loadMetrics, statusMetrics } from '../../controlplane/reports/metrics.ts'

/** What is registered is never asked for its value here, so what it would read need not be there. */
const NOTHING = {} as never

const SECTIONS: readonly (readonly [title: string, register: (registry: Registry) => unknown])[] = [
  ['Proxies and what they are sent', adsMetrics],
  ['Clusters on demand', (registry) => onDemandMetrics(registry, NOTHING)],
  ['Registries (Consul)', (registry) => sourceMetrics(registry, NOTHING)],
  ['Certificates', (registry) => certificateMetrics(registry, NOTHING, NOTHING)],
  ['What proxies report of their load', (registry) => loadMetrics(registry, NOTHING, () => 0)],
  ['What proxies report of requests', (registry) => accessMetrics(registry, NOTHING, () => 0)],
  ['Who asks what proxies have', (registry) => statusMetrics(registry, NOTHING)],
]

const SERVICE: typeof SECTIONS = [
  ['Decisions', (registry) => rateLimitMetrics(registry, NOTHING)],
  ['Redis', (registry) => timedStore(NOTHING, registry)],
]

/** docs/metrics.md: every metric of the control plane and of the rate limit service. */
export function metricsPage(): string {
  const configuration = createMetrics('', NOTHING, NOTHING)
  const own = configuration.getMetricsAsArray().filter(({ name }) => !/^(?:process|nodejs)_/.test(name))
  return [
    '# Metrics',
    '',
    'Made by `npm run docs` of what the programs register; do not edit.',
    '',
    '`/metrics` of the HTTP API, in the text form of Prometheus. Names are istiod’s (`pilot_…`) where the meaning is the same. Beside these are those of the',
    'process (`process_…`, `nodejs_…`). The message proxy has Envoy’s names, by cluster, listener and route ([protocols](protocols.md)).',
    '',
    '## Control plane',
    '',
    ...table('Configuration', own),
    ...SECTIONS.flatMap(([title, register]) => table(title, registered(register))),
    '## Rate limit service',
    '',
    ...SERVICE.flatMap(([title, register]) => table(title, registered(register))),
  ].join('\n')
}

type Metric = ReturnType<Registry['getMetricsAsArray']>[number]

function registered(register: (registry: Registry) => unknown): readonly Metric[] {
  const registry = new Registry()
  register(registry)
  return registry.getMetricsAsArray()
}

function table(title: string, metrics: readonly Metric[]): readonly string[] {
  const rows = [...metrics].sort((a, b) => (a.name < b.name ? -1 : 1)).map(row)
  return [`### ${title}`, '', '| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows, '']
}

function row(metric: Metric): string {
  const { name, help } = metric
  const labels = (metric as { readonly labelNames?: readonly string[] }).labelNames ?? []
  const type = metric.constructor.name.toLowerCase()
  return `| \`${name}\` | ${type} | ${labels.map((one) => `\`${one}\``).join(', ')} | ${help.replaceAll('|', '\\|')} |`
}
