import { envoyVersion, findEnvoy } from '../../cli/tools/envoy.ts'

const binary = findEnvoy()

/** The second number of the version of the Envoy that tests run, 0 where there is none: 39 for 1.39.3. */
export const ENVOY_MINOR = Number(((binary && (await envoyVersion(binary.path))) ?? '1.0').split('.')[1])
