export {
  joinLearned,
  type Learned,
  type LearnedStore,
  NOTHING_LEARNED,
  type SharedLearnedStore,
} from './learned.ts'
export { LearnedSets, type LearnedSetsOptions } from './learned-sets.ts'
export { Presence, type PresenceEntry, type PresenceStore, type ReplicaEntries } from './presence.ts'
export { connectRedis, maskUrl, redisOptions } from './redis.ts'
export { redisPresence } from './redis-presence.ts'
export { redisTarget } from './redis-target.ts'
