export { ConfigClient, type ConfigClientOptions, type ConfigLog, type ConfigNode, type ConfigStatus } from './client.ts'
