let serves = false
let told = false

/** From now on this process goes on when nobody takes what it prints: a log is no reason to leave proxies alone. */
export function serveWithoutOutput(): void {
  serves = true
}

/**
 * To be called with the errors of the standard output. A command that prints ends there; one that serves says so once on the standard error, and
 * its lines come again when there is a way for them again, such as room on the disk.
 */
export function outputLost(error: NodeJS.ErrnoException): void {
  if (serves) {
    if (!told)
      process.stderr.write(`meshgate: the log cannot be written (${error.message}); serving goes on without it\n`)
    told = true
    return
  }
  // `meshgate … | head` closes the pipe early; that is no error of ours.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
