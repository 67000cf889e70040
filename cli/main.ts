#!/usr/bin/env node
import { EXIT } from './errors.ts'
import { run } from './program.ts'

// `meshgate … | head` closes the pipe early; that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})

process.exitCode = await run(process.argv.slice(2))
