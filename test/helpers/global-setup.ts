import { ensureEnvoy, envoyVersion } from '../../cli/tools/envoy.ts'

/** Prepares what tests with real processes need, once, before the workers start. */
export default async function setup(): Promise<void> {
  const say = (line: string) => process.stderr.write(`test setup: ${line}\n`)
  const envoy = await ensureEnvoy(say)
  say(`Envoy ${await envoyVersion(envoy.path)} (${envoy.origin})`)
}
