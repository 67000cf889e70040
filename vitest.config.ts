import { defineConfig } from 'vitest/config'
import { IN_THE_END_MS } from './test/helpers/eventually.ts'
import { LongestFirst } from './test/helpers/longest-first.ts'
import { realTests } from './test/helpers/real-tests.ts'
import { SecondTries } from './test/helpers/second-tries.ts'

/** What must come about in the end: one bound, above what a starved machine needs and below the limit of a test. */
const poll = { timeout: IN_THE_END_MS, interval: 20 }

const real = await realTests()

/** Two projects: pure tests run wide; tests that start real processes (Envoy, gRPC) get long limits and one file at a time per core. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ['default', ...(process.env['GITHUB_ACTIONS'] ? ['github-actions' as const] : []), new SecondTries()],
    passWithNoTests: real.length === 0,
    projects: [
      {
        test: {
          name: 'unit',
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          include: [
            '{cli,errors,files,certificates,sockets,proto,controlplane,dataplane,codecs,admin-ui,docs,examples}/**/*.test.ts',
            'test/unit/**/*.test.ts',
            'test/conformance/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**', '**/dist/**'],
          // Nothing global is changed by these tests, and what they import is read once per worker, not once per file.
          isolate: false,
          setupFiles: ['test/helpers/after-file.ts'],
          globalSetup: ['test/helpers/temporary-files.ts'],
          testTimeout: 2 * IN_THE_END_MS,
          expect: { poll },
        },
      },
      {
        test: {
          name: 'real',
          sequence: { groupOrder: 1 },
          include: real,
          testTimeout: 90_000,
          hookTimeout: 180_000,
          // As above; whatever a file starts ends with it.
          isolate: false,
          setupFiles: ['test/helpers/after-file.ts'],
          globalSetup: ['test/helpers/temporary-files.ts', 'test/helpers/global-setup.ts'],
          // Twice the cores: most of what these tests do is wait.
          maxWorkers: 4,
          expect: { poll },
        },
      },
    ],
  },
})
