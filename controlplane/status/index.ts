export { type ClientStatus, type HeldResource, StatusBook, type SyncState, type TypeStatus } from './book.ts'
export { LastGood, type Rejection } from './last-good.ts'
