export { ConfigClient, type ConfigClientOptions, type ConfigStatus } from './client.ts'
export type { ConfigLog, ConfigNode } from './control-plane.ts'
