import { ensureEnvoy, envoyVersion } from '../../cli/tools/envoy.ts'
import { compileSources } from './compiled.ts'
import { ensureConsul } from './consul-binary.ts'

/** Prepares what tests with real processes need, once, before the workers start. */
export default async function setup(): Promise<void> {
  const say = (line: string) => process.stderr.write(`test setup: ${line}\n`)
  compileSources()
  const envoy = await ensureEnvoy(say)
  say(`Envoy ${await envoyVersion(envoy.path)} (${envoy.origin})`)
  // Before the workers start, so that none of them fetches it twice; tests that need it say when it is missing.
  await ensureConsul(say)
}
