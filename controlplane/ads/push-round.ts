import type { ClassLog } from '../subscription/class-log.ts'
import type { Stream } from './stream.ts'

/**
 * Publishes the present configuration to all classes, and sends every stream what it has to hear of it. Wherever it yields, requests may
 * come and the configuration may change.
 * @param reclassify whether streams may belong to another class than before
 * @param changedAt when the oldest change was made that is published, ms
 */
export function* pushRound(
  classes: Iterable<ClassLog>,
  streams: Iterable<Stream>,
  reclassify: boolean,
  changedAt: number | undefined,
): Generator<void> {
  for (const log of classes) {
    yield* log.prepare()
    log.refresh()
    yield
  }
  for (const stream of streams) {
    if (reclassify) stream.reclassify()
    stream.pump(changedAt)
    yield
  }
}
