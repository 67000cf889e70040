export { ConfigClient, type ConfigClientOptions, type ConfigStatus } from './client.ts'
export type { ConfigLog, ConfigNode, PlaneTls } from './control-plane.ts'
