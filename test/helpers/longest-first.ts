import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files that take longest, longest first (seconds of an idle machine with two cores, a reading of November 2026). */
const LONGEST = [
  'browser/pages',
  'browser/change-flow',
  'consul/kv',
  'e2e/quickstart',
  'e2e/commands',
  'e2e/restart',
  'envoy/http-sidecar',
  'envoy/acceptance-ads',
  'redis/cluster',
  'consul/replicas',
  'grpc/proxyless',
  'peers/metarouter',
]

/**
 * Begins with the long files, so that none is left for the end, where it would run alone. Vitest itself knows the durations of earlier runs
 * only, and a fresh checkout has had none.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
      return at < 0 ? LONGEST.length : at
    }
    return (await super.sort(files)).sort(
      (a, b) => a.project.config.sequence.groupOrder - b.project.config.sequence.groupOrder || rank(a) - rank(b),
    )
  }
}
