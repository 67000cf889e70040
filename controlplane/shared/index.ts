export { learnedSets, type SetStore } from './learned-sets.ts'
export { Presence, type PresenceEntry, type PresenceStore, type ReplicaEntries } from './presence.ts'
export { connectRedis, maskUrl, redisOptions } from './redis.ts'
export { redisPresence } from './redis-presence.ts'
