import { NO_DESCRIPTOR, watchDescriptors } from '../../files/descriptors.ts'
import type { Log } from './log.ts'

/** Says in the log when this process runs out of file descriptors, and when it has some again. @returns the way to stop */
export function logDescriptors(log: Log): () => void {
  return watchDescriptors({
    none: () => log.error({}, NO_DESCRIPTOR),
    again: () => log.info({}, 'files can be opened again, and connections are taken'),
  })
}
