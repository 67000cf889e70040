import { afterAll } from 'vitest'
import { stopEverything } from './processes.ts'

// A setup file is run anew for each test file; modules are not, where files share a worker. Registered before all others, it comes last.
afterAll(stopEverything)
