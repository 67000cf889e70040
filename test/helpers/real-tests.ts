import { EnvoyNotFound, ensureEnvoy } from '../../cli/tools/envoy.ts'

const FILES =
  'test/{envoy,grpc,e2e,xds,dataplane,messages,ondemand,consul,redis,cluster,peers,browser,istio}/**/*.test.ts'

/**
 * The files of tests that start real processes. None on a machine that has no Envoy and cannot get one: that is said, and the rest runs.
 * Where CI is set they are wanted all the same, and their setup fails; so it does where ENVOY_BIN names no program.
 */
export async function realTests(env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  if (env['CI'] || env['ENVOY_BIN']) return [FILES]
  try {
    await ensureEnvoy((line) => process.stderr.write(`test setup: ${line}\n`))
    return [FILES]
  } catch (error) {
    if (!(error instanceof EnvoyNotFound)) throw error
    const rule = '='.repeat(80)
    process.stderr.write(`${rule}\nSKIPPED: every test with real processes (${FILES}):\n${error.message}\n${rule}\n`)
    return []
  }
}
