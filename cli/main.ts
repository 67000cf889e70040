#!/usr/bin/env node
import { run } from './program.ts'
import { outputLost } from './run/lost-output.ts'

process.stdout.on('error', outputLost)
// There is no place left to say that this one is gone.
process.stderr.on('error', () => {})

process.exitCode = await run(process.argv.slice(2))
