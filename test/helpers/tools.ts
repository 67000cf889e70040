import type { TestContext } from 'vitest'
import { type EnvoyBinary, EnvoyNotFound, findEnvoy } from '../../cli/tools/envoy.ts'

/**
 * Skips the test with a loud reason when a tool is missing on a developer's machine; in CI a missing tool is a failure,
 * because a test that never runs proves nothing.
 */
export function requireTool(context: Pick<TestContext, 'skip'>, name: string, found: boolean, howToGet: string): void {
  if (found) return
  const text = `${name} is missing: ${howToGet}`
  if (process.env['CI']) throw new Error(`${text} (tests may not be skipped in CI)`)
  process.stderr.write(`\nSKIPPED: ${text}\n`)
  context.skip(text)
}

/** The Envoy that global-setup prepared. @throws EnvoyNotFound saying how to get one. */
export function requireEnvoy(): EnvoyBinary {
  const envoy = findEnvoy()
  if (!envoy)
    throw new EnvoyNotFound('no Envoy was prepared: run the tests through vitest, whose global setup fetches it')
  return envoy
}
