import { unlink } from 'node:fs/promises'
import { connect } from 'node:net'

/**
 * Removes a socket file that nobody listens on, as a process that was killed leaves it; it would be in the way of one that listens there. One that
 * somebody listens on stays, and is an error of `listen`. An abstract socket (its path begins with a zero byte) is no file and leaves none.
 * @throws Error when it cannot be removed
 */
export async function removeStale(path: string): Promise<void> {
  if (path.startsWith('\0')) return
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
  if (!alive) await unlink(path)
}
